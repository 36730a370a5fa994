"""The eight hops, end to end, and what is shown of them."""

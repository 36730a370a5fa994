"""The method with weights, without torch: what the networks are fed, what runs them, and the three hops."""

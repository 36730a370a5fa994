"""The three networks in torch. Nothing outside ``networks`` and ``training`` imports this."""

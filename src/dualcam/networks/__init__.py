"""The three networks in torch, and torch as an engine. Imported by ``training``, and by ``neural`` where asked for."""

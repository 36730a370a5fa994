"""How quality is measured: protocol, baselines, metrics."""

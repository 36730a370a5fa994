"""One camera: transfer curves, noise, exposure, simulated capture. Plain numpy."""

"""Training: pairs from photos and stereo, losses, the loop, export. Needs the ``train`` extra."""

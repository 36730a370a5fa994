"""Calibration: from pictures of a board to a rig."""

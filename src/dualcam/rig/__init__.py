"""Two cameras: placement, matching, warping."""

"""Captures of two cameras that never took place: scene, lens, geometry, sensor, file."""

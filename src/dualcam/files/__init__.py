"""Bytes to frames and back: readers, writers, metadata. No image mathematics."""

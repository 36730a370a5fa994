"""What is measured of a result, one small file each."""

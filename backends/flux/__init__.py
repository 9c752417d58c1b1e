"""FLUX's architecture at miniature size, run with NumPy alone."""

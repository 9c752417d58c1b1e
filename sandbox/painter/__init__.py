"""Paints a landscape from words, with NumPy alone."""

"""Arithmetic on NumPy arrays that several packages share."""

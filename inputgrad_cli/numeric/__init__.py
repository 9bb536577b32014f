"""Arithmetic on arrays that several rooms use; NumPy alone."""

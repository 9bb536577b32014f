"""Finds the inputs of a run and loads them."""

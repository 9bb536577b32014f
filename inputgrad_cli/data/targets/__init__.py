"""Resolves targets as written to units, reductions, masks and losses of a model's outputs."""

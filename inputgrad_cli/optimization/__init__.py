"""Moves inputs by their gradients: goals, step rules and projections."""

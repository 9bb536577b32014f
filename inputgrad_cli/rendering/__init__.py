"""Draws stored attributions. Knows arrays and pictures, no model and no framework."""

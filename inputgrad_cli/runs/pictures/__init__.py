"""Draws and redraws the pictures of a run."""

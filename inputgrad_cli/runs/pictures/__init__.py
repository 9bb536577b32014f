"""Draws the pictures of a run, and draws them again."""

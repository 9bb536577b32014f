"""Reads picture files as pixels, masks and label maps."""

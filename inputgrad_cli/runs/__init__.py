"""Runs over many files: plans them, loads inputs, explains batches, and writes results."""

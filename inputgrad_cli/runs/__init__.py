"""Whole runs over many files: what to do, what was done, and where it stands."""

"""Tests of a run on disk: its records, the names of its files, and its maps read back."""

"""The items of a run: which files they are read from."""

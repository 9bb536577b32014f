"""A run on disk: its record, its journal, its files and its locks."""

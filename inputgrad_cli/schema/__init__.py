"""What the records of a run hold: one description of each, for the type checker and for reading."""

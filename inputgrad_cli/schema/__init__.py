"""Types of the records of a run, for the type checker and for the validation of files."""

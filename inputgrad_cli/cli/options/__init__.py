"""The options of the commands, in groups."""

"""The options of the commands: one file and one frozen value for each heading of `--help`."""

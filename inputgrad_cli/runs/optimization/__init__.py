"""The searches of a run of `optimize`: their tasks, their files, and their summary."""

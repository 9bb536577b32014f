"""One batch explained: from samples and a request to attributions and their records; no files."""

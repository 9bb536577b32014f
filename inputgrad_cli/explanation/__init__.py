"""Explains one batch: from samples and a request to attributions and records, without files."""

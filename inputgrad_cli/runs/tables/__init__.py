"""Builds the tables of maps: columns of rows, tokens of texts, and summaries."""

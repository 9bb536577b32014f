"""Kinds of pictures of rows of tables, and the summary of a table."""

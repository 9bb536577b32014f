"""Reads tables, JSON lines and Parquet files as samples."""

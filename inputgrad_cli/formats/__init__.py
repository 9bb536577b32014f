"""Reads and writes files. Everything read is checked; nothing read is trusted."""

"""Reads what the machine provides: memory, cores, devices, and whether files exist."""

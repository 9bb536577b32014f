"""Reads and stores arrays that are larger than memory, in parts."""

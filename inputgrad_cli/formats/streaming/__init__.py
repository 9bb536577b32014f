"""Files that are larger than memory, read and kept in parts."""

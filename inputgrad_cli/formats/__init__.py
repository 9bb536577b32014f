"""Reads and writes the files of users. The content of every file is checked before it is used."""

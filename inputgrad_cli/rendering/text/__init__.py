"""Texts: how tokens are written, where they stand in lines, and their page for browsers."""

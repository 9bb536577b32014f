"""Tests of options: what a word means, and which files and names it leads to."""

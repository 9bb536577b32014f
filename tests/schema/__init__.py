"""Tests of what the records of a run hold."""

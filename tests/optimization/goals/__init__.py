"""Tests of the goals, one file each."""

"""Tests of the pictures of runs, drawn at once and again."""

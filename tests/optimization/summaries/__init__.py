"""Tests of the summaries of searches."""

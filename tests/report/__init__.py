"""Tests of the HTML page of a run."""

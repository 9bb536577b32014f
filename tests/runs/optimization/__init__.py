"""Tests of the searches of a run."""

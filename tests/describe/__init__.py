"""Tests of what `inspect` shows."""

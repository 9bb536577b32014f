"""Tests of what can be added."""

"""Tests of whole runs without the command line."""

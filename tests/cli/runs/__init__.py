"""Tests of whole runs: what they write, and how they go on from what is there."""

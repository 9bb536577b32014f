"""Tests of the executors of runs."""

"""Tests of the values that travel: targets, baselines, preprocessing."""

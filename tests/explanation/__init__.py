"""Tests of one batch explained."""

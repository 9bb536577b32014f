"""Tests of the longer functions of the Python interface."""

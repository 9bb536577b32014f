"""Tests of limits, devices and missing files."""

"""Implements the longer functions of the Python interface."""

"""Tests of pictures and their colour scales."""

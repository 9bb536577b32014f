"""Tests of what maximize moves."""

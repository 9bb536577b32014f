"""Tests of what a call says: lines, the JSON stream, JUnit."""

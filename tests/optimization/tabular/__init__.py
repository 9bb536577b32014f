"""Tests of changes of table rows."""

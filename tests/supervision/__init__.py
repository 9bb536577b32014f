"""Tests of the process that watches a command: real processes that really die."""

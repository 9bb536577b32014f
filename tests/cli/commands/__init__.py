"""Tests of single commands: what each does, its files, its exit codes."""

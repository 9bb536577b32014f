"""Tests of the zip file of a model."""

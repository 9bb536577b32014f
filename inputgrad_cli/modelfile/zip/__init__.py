"""Checks and reads the zip file of a model, and its unzipped form."""

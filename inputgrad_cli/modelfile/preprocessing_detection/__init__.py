"""Finds in a model file which pixel values the model takes."""

"""Draws attributions as pictures. Imports neither models nor TensorFlow."""

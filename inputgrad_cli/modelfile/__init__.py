"""Reads the archive of a saved model without TensorFlow and without trusting it."""

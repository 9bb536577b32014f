"""Adapts Keras models to one interface: inputs, layers, losses, kernels and error messages."""

"""A Keras model behind one normal form: structures, layers, losses, kernels, error messages."""

"""Methods that take gradients at the input, or near it."""

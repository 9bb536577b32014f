"""Methods that use gradients at the input or close to it."""

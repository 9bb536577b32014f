"""Methods that gather gradients along a path from a baseline to the input."""

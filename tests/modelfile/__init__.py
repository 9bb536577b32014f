"""Model files: hostile, broken, old, and with code of the user's; most need no TensorFlow."""

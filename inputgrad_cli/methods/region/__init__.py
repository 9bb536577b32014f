"""Methods that explain regions of a picture."""

"""What a model is fed is what training fed it: tests of how pictures become model input."""

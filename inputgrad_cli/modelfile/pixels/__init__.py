"""What a model file says about the pixels that the model takes."""

"""The archive of a saved model, read without TensorFlow and without trust."""

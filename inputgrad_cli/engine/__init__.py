"""The only package that imports TensorFlow and Keras, and only when a model is loaded."""

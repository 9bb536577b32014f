"""The one place that knows TensorFlow and Keras. Nothing is imported until a model is loaded."""

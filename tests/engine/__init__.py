"""What is TensorFlow's and Keras's: kernels, compilation, gradients."""

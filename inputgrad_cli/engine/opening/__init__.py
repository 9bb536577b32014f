"""Opens model files in Keras: user code, legacy formats, memory limits, and weight checks."""

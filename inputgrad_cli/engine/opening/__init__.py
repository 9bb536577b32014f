"""Opens a model file in Keras: custom code, legacy formats, limits, and a check of the weights."""

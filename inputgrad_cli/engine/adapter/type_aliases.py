"""Names the values of Keras and TensorFlow, whose own types are not declared."""

from collections.abc import Mapping
from typing import Any

Tensors = Mapping[str, Any]
"""Tensors by the name of an input, an output or a tap."""
TensorDict = dict[str, Any]
"""The same, for code that adds tensors."""
Layers = dict[str, Any]
"""Keras layers by their path in the model."""
CustomObjects = dict[str, Any]
"""Classes, functions and modules by the names that a model file or a Lambda has for them."""

"""A layer that Keras does not know, for `custom_layer.keras`."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="sample")
class Sine(keras.layers.Layer):  # type: ignore[misc]  # Keras comes without types.
    """Takes the sine of each value."""

    def call(self, inputs: Any) -> Any:
        """Return the sine of the inputs, in their shape."""
        return keras.ops.sin(inputs)

"""A layer with its channels first gives what it gives with its channels last, by any kernels."""

import re

import keras
import numpy as np
import pytest

from inputgrad_cli.engine.adapter.channels_first import LAYERS
from tests.small_networks import engine_of, input_gradients

SIDE, CHANNELS = 6, 3


def build(kind, first):
    """Return a model on channels first; the layer itself has them first, or last between turns."""
    axes = int(re.search(r"(\d)D", kind.__name__)[1])
    options = {"data_format": "channels_first" if first else "channels_last"}
    if "Pooling" in kind.__name__:
        options["pool_size"] = 2
    else:
        options |= {"kernel_size": 2, "bias_initializer": "normal", "activation": "softmax"}
        if not kind.__name__.startswith("Depthwise"):
            options["filters"] = 4
    inputs = keras.Input((CHANNELS, *[SIDE] * axes), name="x")
    spatial = tuple(range(2, axes + 2))
    x = inputs if first else keras.layers.Permute((*spatial, 1))(inputs)
    layer = kind(**options, name="layer")
    if first and "activation" in options:
        layer.activation = lambda z: keras.activations.softmax(z, axis=1)
    x = layer(x)
    x = x if first else keras.layers.Permute((axes + 1, *range(1, axes + 1)))(x)
    outputs = keras.layers.Dense(1, name="y")(keras.layers.Flatten()(keras.ops.tanh(x)))
    return keras.Model(inputs, outputs)


@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.__name__)
def test_channels_first_is_channels_last(kind):
    keras.utils.set_random_seed(3)
    first, last = build(kind, True), build(kind, False)
    last.set_weights(first.get_weights())
    shape = first.inputs[0].shape[1:]
    x = {"x": np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")}
    ours, expected = (input_gradients(engine_of(model, x), x) for model in (first, last))
    largest = np.abs(expected.values["x"]).max()
    assert largest > 0
    np.testing.assert_allclose(ours.values["x"], expected.values["x"], atol=1e-5 * largest)
    np.testing.assert_allclose(ours.scores, expected.scores, rtol=1e-5)

"""An eager tape computes no gradients of filters that nobody asked for."""

import numpy as np
import pytest
import tensorflow as tf

from inputgrad_cli.engine.adapter.filter_gradient_skipping import (
    INPUT_GRADIENTS,
    skip_filter_gradients,
)

RANDOM = np.random.default_rng(0)
X2, X3 = (RANDOM.normal(size=s).astype("float32") for s in ((2, 9, 9, 3), (2, 7, 7, 7, 2)))
# operation -> (input, filters, the call)
CONVOLUTIONS = {
    "Conv2D": (X2, (3, 3, 3, 4), lambda x, w: tf.nn.conv2d(x, w, 2, "SAME", dilations=1)),
    "DepthwiseConv2dNative": (
        X2, (3, 3, 3, 2), lambda x, w: tf.nn.depthwise_conv2d(x, w, (1, 2, 2, 1), "VALID")
    ),
    "Conv3D": (X3, (3, 3, 3, 2, 2), lambda x, w: tf.nn.conv3d(x, w, (1, 2, 2, 2, 1), "SAME")),
}  # fmt: skip


def gradients(name, watched):
    """Return the gradients at the input, and at the filters where they are watched."""
    value, shape, call = CONVOLUTIONS[name]
    x, w = tf.constant(value), tf.constant(RANDOM.normal(size=shape).astype("float32"))
    sources = [x, w] if watched else [x]
    results = []
    for block in (tf.name_scope("plain"), skip_filter_gradients()):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            score = tf.reduce_sum(tf.sin(call(x, w)))
        with block:
            results.append(tape.gradient(score, sources))
    return results


@pytest.mark.parametrize("name", INPUT_GRADIENTS)
@pytest.mark.parametrize("watched", [False, True], ids=["input alone", "filters too"])
def test_gradients_are_those_of_a_plain_tape(name, watched):
    plain, ours = gradients(name, watched)
    for expected, result in zip(plain, ours, strict=True):
        np.testing.assert_allclose(result, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", INPUT_GRADIENTS)
def test_filters_are_left_out(name, monkeypatch):
    """The table of gradients may move in another release; then this fails, and it gets slower."""
    asked = []
    monkeypatch.setitem(
        INPUT_GRADIENTS, name, lambda operation, slope: asked.append(name) or tf.zeros((1,))
    )
    value, shape, call = CONVOLUTIONS[name]
    x, w = tf.constant(value), tf.constant(np.ones(shape, "float32"))
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        score = tf.reduce_sum(call(x, w))
    with skip_filter_gradients():
        tape.gradient(score, x)
    assert asked == [name]

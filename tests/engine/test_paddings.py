"""A padding in front of a convolution, which TensorFlow fuses in some kernels, loses no place."""

import itertools

import keras
import numpy as np
import pytest
from keras import layers

from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget, pin
from tests.small_networks import engine_of

SIDE, WIDTH = 5, 3


def padded_model(rank, padding):
    """Return the mean of a convolution of ones over an input with a rim of zeros."""
    pad, convolve, pool = (
        getattr(layers, f"{name}{rank}D")
        for name in ("ZeroPadding", "Conv", "GlobalAveragePooling")
    )
    x = keras.Input((SIDE,) * rank + (1,), name="x")
    convolution = convolve(1, WIDTH, padding=padding, kernel_initializer="ones", name="c")
    return keras.Model(x, pool(name="y")(convolution(pad(1)(x))))


def windows(rank, padding):
    """Return how many windows reach each place, and how many there are in all."""
    places = SIDE + 2 if padding == "same" else SIDE
    starts = range(-1, SIDE + 1) if padding == "same" else range(SIDE)
    line = [sum(start - 1 <= at <= start + 1 for start in starts) for at in range(SIDE)]
    counts = np.ones((SIDE,) * rank)
    for axis in range(rank):
        shape = [-1 if other == axis else 1 for other in range(rank)]
        counts = counts * np.reshape(line, shape)
    return counts, places**rank


@pytest.mark.parametrize(("rank", "padding"), list(itertools.product((1, 2, 3), ("same", "valid"))))
@pytest.mark.parametrize("mode", ["traced", "folded"])
def test_score_and_gradient_count_every_window(rank, padding, mode):
    x = np.random.default_rng(rank).normal(size=(2,) + (SIDE,) * rank + (1,)).astype("float32")
    engine = engine_of(padded_model(rank, padding), {"x": x}, **{mode: True})
    counts, places = windows(rank, padding)
    target = pin(ResolvedTarget("sum", "y", "reduce", "output", argument="sum"), len(x))
    scores = engine.compute_scores({"x": x}, target)
    expected = (x[..., 0] * counts).reshape(len(x), -1).sum(axis=1) / places
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-6)
    gradients = engine.compute_gradients({"x": x}, target, ["x"]).values["x"]
    np.testing.assert_allclose(gradients[0, ..., 0], counts / places, rtol=1e-5)

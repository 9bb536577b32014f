"""The pass over the clean inputs, which is cut where it serves many targets."""

import keras
import numpy as np
import pytest

import inputgrad_cli as ig
from inputgrad_cli.engine.multi_target_first_pass import TARGETS_PER_PASS

L = keras.layers
COUNT = TARGETS_PER_PASS + 3


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(4)
    x = entry = keras.Input((3,), name="x")
    for index in range(COUNT):
        x = L.Dense(3, activation="tanh", name=f"hidden{index}")(x)
    return keras.Model(entry, L.Dense(4, activation="softmax", name="answer")(x))


@pytest.mark.parametrize(
    "targets",
    [
        [f"layer:hidden{index}/unit:{index % 3}" for index in range(COUNT)],
        ["class:2", *(f"layer:hidden{index}/sum" for index in range(COUNT - 1)), "top1"],
    ],
    ids=["units of layers", "layers between classes"],
)
def test_more_targets_than_a_pass_serves_are_those_that_are_asked_alone(model, targets, rng):
    sample = rng.normal(size=3).astype(np.float32)
    together = ig.explain(model, sample, target=targets)
    assert len(together) == len(targets)
    for index in (0, TARGETS_PER_PASS - 1, TARGETS_PER_PASS, len(targets) - 1):
        alone = ig.explain(model, sample, target=targets[index])
        np.testing.assert_allclose(
            together[index].metadata["score"], alone.metadata["score"], rtol=1e-5
        )
        values = alone.values["x"]
        tolerance = 1e-5 * np.abs(values).max()
        np.testing.assert_allclose(together[index].values["x"], values, atol=tolerance)

"""A model whose code can only run eagerly is run so where that is safe, else refused."""

import keras
import numpy as np
import pytest

from inputgrad_cli.engine.adapter.cpu_kernel_selection import ONEDNN_VARIABLE, must_compile
from inputgrad_cli.errors import ItemError
from tests.small_networks import input_gradients, tape


class Measuring(keras.layers.Layer):
    """Asks a tensor for its numbers, which a graph does not have."""

    def call(self, x):
        return x * float(np.asarray(keras.ops.max(keras.ops.abs(x))) > 0)

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)


class Branching(Measuring):
    """Branches on a tensor by Python, in a comprehension, which AutoGraph does not rewrite."""

    def call(self, x):
        return sum([x for _ in range(1) if keras.ops.max(x) > -1e9], start=0 * x)


@pytest.mark.parametrize("kind", [Measuring, Branching])
@pytest.mark.parametrize("mode", ["traced", "folded"])
@pytest.mark.parametrize("end", [None, "softmax"])
def test_code_that_cannot_be_traced(kind, mode, end):
    dense = keras.layers.Dense(2, activation=end, name="y")
    model = keras.Sequential([keras.Input((3,), name="x"), kind(), dense])
    engine = tape(model, **{mode: True})
    x = {"x": np.ones((2, 3), np.float32)}
    if must_compile():
        with pytest.raises(ItemError, match="cannot be compiled") as caught:
            engine.calibrate(x)
        assert f"{ONEDNN_VARIABLE}=0" in caught.value.hint
        return
    engine.calibrate(x)
    gradients = input_gradients(engine, x)
    if end is None:
        kernel = np.asarray(dense.kernel)[:, 0]
        np.testing.assert_allclose(gradients.values["x"], np.tile(kernel, (2, 1)), rtol=1e-5)
    assert engine.mode == "eager"
    assert "runs eagerly" in engine.notes["eager"]

"""Opening a model traces it once, for all who look at its graph."""

import keras
import numpy as np
import pytest

from inputgrad_cli.engine.adapter.cpu_kernel_selection import must_compile
from tests.methods.ruled import case_of
from tests.small_networks import engine_of

L = keras.layers


@pytest.fixture
def calls():
    """Return a list that grows with every run of the model in Python, and the model."""
    seen = []

    class Counting(L.Layer):
        def call(self, inputs):
            seen.append(inputs.shape)
            return inputs * 1.0

    ids = keras.Input((None,), dtype="int32", name="ids")
    rows = Counting()(L.Embedding(9, 4, name="embedding")(ids))
    outputs = L.Softmax(name="y")(L.Dense(3)(L.GlobalAveragePooling1D()(rows)))
    model = keras.Model(ids, outputs)
    seen.clear()
    return seen, model


IDS = {"ids": np.arange(12, dtype="int32").reshape(2, 6) % 9}


def test_a_model_is_traced_once_for_all_who_look_at_its_graph(calls):
    seen, model = calls
    engine = engine_of(model, IDS)
    assert engine.signature.outputs[0].activation == "softmax"
    assert engine.list_sites(None) == {"layer:embedding": "ids"}
    # Code of one's own may mix samples, which takes one of two to tell. Eagerly chance takes
    # a second run of the first, and the graph a trace beside them.
    assert len(seen) == (2 if must_compile() else 4)


def test_the_shapes_of_taps_are_traced_once_a_model(calls):
    seen, model = calls
    engine = engine_of(model, IDS, traced=True)
    (tap,) = engine.list_sites(None)
    case = case_of(engine, IDS["ids"])
    seen.clear()
    engine.compute_scores(case.inputs, case.target)
    engine.compute_gradients(case.inputs, case.target, [tap])
    assert len(seen) == 3  # two programs, and the shapes that both need

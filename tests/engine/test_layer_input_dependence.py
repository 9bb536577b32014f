"""Which inputs a layer sees: through nested and shared models, merges, and code of one's own."""

import numpy as np
import pytest

from inputgrad_cli import api
from tests import keras_models

INPUTS = {"a": (8, 8, 1), "b": (8, 8, 1), "c": (3,)}


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """Return a model of two pictures and a vector, with a tower that is called for both."""
    import keras
    from keras import layers

    inner = keras.Input((8, 8, 1))
    deep = keras.Model(inner, layers.Conv2D(2, 3, name="conv")(inner), name="deep")
    outer = keras.Input((8, 8, 1))
    tower = keras.Model(outer, layers.Activation("relu", name="on")(deep(outer)), name="tower")
    a, b, c = (keras.Input(shape, name=name) for name, shape in INPUTS.items())
    left, right = tower(a), tower(b)
    scaled = layers.Multiply(name="scaled")([left, layers.Reshape((1, 1, 2))(layers.Dense(2)(c))])
    both = layers.Conv2D(2, 1, name="both")(layers.Concatenate()([left, right]))
    alone = layers.Dense(4, name="alone")(c)
    size = layers.GlobalAveragePooling2D
    last = layers.Concatenate(name="all")([size()(scaled), size()(both), alone])
    path = tmp_path_factory.mktemp("sight") / "m.keras"
    keras.Model([a, b, c], layers.Dense(2)(last)).save(path)
    return keras_models.opened(path)


EXPECTED = {
    "layer:tower/deep/conv#0": "a",
    "layer:tower/deep/conv#1": "b",
    "layer:conv#1": "b",
    "layer:tower/on#0": "a",
    "layer:tower#1": "b",
    "layer:scaled": "ac",
    "layer:both": "ab",
    "layer:alone": "c",
    "layer:all": "abc",
}


def arrays(count=2):
    rng = np.random.default_rng(0)
    return {n: rng.random((count, *shape), np.float32) for n, shape in INPUTS.items()}


def test_a_layer_sees_what_its_output_is_computed_from(engine):
    seen = engine.engine.find_layer_inputs(arrays(), list(EXPECTED))
    assert {layer: "".join(sorted(names)) for layer, names in seen.items()} == EXPECTED


def test_what_a_layer_does_not_see_does_not_change_it(engine):
    """The law: only what is seen moves a layer's output."""
    clean = arrays()
    seen = engine.engine.find_layer_inputs(clean, list(EXPECTED))
    before = engine.engine.to_points(clean, list(EXPECTED))
    for name in INPUTS:
        after = engine.engine.to_points({**clean, name: clean[name] + 3}, list(EXPECTED))
        for layer, names in seen.items():
            moved = not np.array_equal(before[layer], after[layer])
            assert moved == (name in names), (layer, name)


def test_how_large_an_input_is_is_not_seen(tmp_path):
    """A layer of one's own that looks at another input's shape alone."""
    (tmp_path / "own.py").write_text(
        "import keras, tensorflow as tf\n"
        "@keras.saving.register_keras_serializable()\n"
        "class Like(keras.layers.Layer):\n"
        "    def call(self, pair):\n"
        "        x, y = pair\n"
        "        return tf.reshape(x, tf.shape(y)) + tf.zeros_like(y)\n"
        "    def compute_output_shape(self, shapes):\n"
        "        return shapes[0]\n"
    )
    import importlib.util

    import keras

    spec = importlib.util.spec_from_file_location("own", tmp_path / "own.py")
    own = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(own)
    a, b = (keras.Input((4,), name=name) for name in "ab")
    like = own.Like(name="like")([a, b])
    keras.Model([a, b], keras.layers.Dense(1)(keras.layers.Add()([like, b]))).save(
        tmp_path / "m.keras"
    )
    model = api.load(tmp_path / "m.keras", code=[str(tmp_path / "own.py")])
    inputs = {name: np.ones((1, 4), np.float32) for name in "ab"}
    assert model.engine.find_layer_inputs(inputs, ["layer:like"]) == {"layer:like": {"a"}}


def test_maps_of_a_layer_lie_over_the_inputs_that_it_sees(engine):
    """guided-grad-cam and score-cam spread a layer's map over inputs; fullgrad adds its biases."""
    inputs = {name: array[0] for name, array in arrays(1).items()}
    attribution = api.explain(engine, inputs, method="guided-grad-cam:layer=tower/on#1", target="1")
    assert set(attribution.values) == {"b"}
    for layer, own, other in (("tower/on#0", "a", "b"), ("tower/on#1", "b", "a")):
        attributions = [
            api.explain(
                engine,
                {**inputs, name: inputs[name] + 1},
                method=f"score-cam:layer={layer}",
                target="1",
            )
            for name in (own, other)
        ]
        assert [m.metadata["sees"] for m in attributions] == [{f"layer:{layer}": [own]}] * 2


OWN = """
import keras

@keras.saving.register_keras_serializable("pair")
class Pair(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.conv = keras.layers.Conv2D(2, 3, name="conv")
        self.dense = keras.layers.Dense(2, name="dense")

    def call(self, pair):
        left, right = (keras.ops.mean(self.conv(x), axis=(1, 2)) for x in pair)
        return self.dense(left - 2 * right)
"""


@pytest.fixture
def own(tmp_path):
    """Return a subclassed model that calls one convolution for each of two pictures."""
    (tmp_path / "own.py").write_text(OWN)
    scope = {}
    exec(OWN, scope)
    model = scope["Pair"]()
    model([np.ones((1, 8, 8, 1), np.float32)] * 2)
    model.save(tmp_path / "own.keras")
    np.savez(tmp_path / "x.npz", **{"pair/0": np.ones((8, 8, 1)), "pair/1": np.zeros((8, 8, 1))})
    return ["own.keras", "--code", "own.py"]


@pytest.mark.parametrize(
    "words", [["-m", "grad-cam"], ["-m", "grad-cam:layer=conv"], ["--wrt", "layer:conv"]]
)
def test_a_refusal_of_a_layer_called_twice_names_the_input_of_each_call(call, own, words):
    result = call("saliency", *own, "x.npz", *words)
    assert result.code == 2
    assert "#0 sees pair/0, #1 sees pair/1" in result.err


def test_inspect_names_the_input_that_each_call_sees(call, own):
    page = " ".join(call("inspect", *own, "--load").out.split())
    assert "conv, called 2 times: choose layer=conv#0 to #1; #0 sees pair/0, #1 sees" in page

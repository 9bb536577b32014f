"""Token ids, texts, categories, pixels of whole numbers: cases 13 to 19 and 47."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from inputgrad_cli import api
from inputgrad_cli.errors import ItemError

L = keras.layers


def lstm():
    layers = [
        keras.Input((6,), dtype="int32", name="ids"),
        L.Embedding(20, 4, mask_zero=True),
        L.LSTM(3),
        L.Dense(1),
    ]
    return keras.Sequential(layers)


IDS = np.array([[3, 5, 7, 0, 0, 0], [1, 2, 3, 4, 5, 6]], np.int32)


def plain_embedding_gradient(model, ids):
    """Return d output / d embedding output, by replaying the layers after it."""
    embedding, *rest = model.layers
    values = embedding(ids)
    with tf.GradientTape() as tape:
        tape.watch(values)
        mask = embedding.compute_mask(ids)
        x = rest[0](values, mask=mask)
        for layer in rest[1:]:
            x = layer(x)
    return tape.gradient(x, values).numpy()


@pytest.mark.parametrize("traced", [False, True])
def test_13_token_ids_are_explained_at_their_embedding(explain, traced):
    model = lstm()
    attribution = explain(model, IDS, traced=traced)
    expected = plain_embedding_gradient(model, IDS)
    np.testing.assert_allclose(attribution.values["ids"], expected, atol=1e-6)
    assert attribution.values["ids"].shape == (2, 6, 4)
    assert np.all(attribution.values["ids"][0, 3:] == 0)  # padding
    assert attribution.metadata["tokens"][0] == {"ids": [3, 5, 7, 0, 0, 0]}


def test_13_integrated_gradients_over_tokens_are_complete(explain):
    attribution = explain(lstm(), IDS, method="integrated-gradients", tolerance=1e-3)
    assert all(check["completeness"]["ok"] for check in attribution.metadata["checks"])
    assert np.all(attribution.values["ids"][0, 3:] == 0)


@keras.saving.register_keras_serializable("zoo")
class TokenAndPosition(L.Layer):
    """Two embeddings in one layer: which one is meant."""

    def build(self, shape):
        self.token = L.Embedding(20, 4, name="token", dtype=self.dtype_policy)
        self.position = L.Embedding(6, 4, name="position", dtype=self.dtype_policy)
        self.token.build(shape)
        self.position.build((6,))

    def call(self, ids):
        return self.token(ids) + self.position(keras.ops.arange(6))


def with_positions():
    x = keras.Input((6,), dtype="int32", name="ids")
    y = TokenAndPosition(name="both")(x)
    return keras.Model(x, L.Dense(1)(L.Flatten()(y)))


def test_14_positions_are_not_taken_for_tokens_and_both_can_be_asked_for(explain):
    model = with_positions()
    auto = explain(model, IDS).values["ids"]
    token = explain(model, IDS, wrt="layer:both/token").values["layer:both/token"]
    position = explain(model, IDS, wrt="layer:both/position").values["layer:both/position"]
    np.testing.assert_array_equal(auto, token)
    assert position.shape == (2, 6, 4)
    np.testing.assert_allclose(position, token, atol=1e-6)  # they are added


def two_tables():
    x = keras.Input((3,), dtype="int32", name="ids")
    y = L.Concatenate()([L.Embedding(9, 2, name="a")(x), L.Embedding(9, 3, name="b")(x)])
    return keras.Model(x, L.Dense(1)(L.Flatten()(y)))


def test_14_an_input_of_two_embeddings_is_explained_at_both(explain):
    ids = np.array([1, 2, 3], np.int32)
    values = explain(two_tables(), ids).values
    assert {name: array.shape for name, array in values.items()} == {
        "layer:a": (3, 2),
        "layer:b": (3, 3),
    }
    for name, array in values.items():
        alone = explain(two_tables(), ids, wrt=name).values[name]
        assert alone.shape == array.shape
        assert array.any()


def texts():
    vectorize = L.TextVectorization(output_sequence_length=4, name="words")
    vectorize.adapt(["the cat sat", "a dog ran"])
    x = keras.Input((), dtype="string", name="text")
    y = L.Embedding(vectorize.vocabulary_size(), 3)(vectorize(x))
    return keras.Model(x, L.Dense(1)(L.GlobalAveragePooling1D()(y)))


def test_15_texts_are_explained_word_by_word(explain):
    attribution = explain(texts(), np.array(["the cat", "a dog zebra"]))
    assert attribution.values["text"].shape == (2, 4, 3)
    assert attribution.metadata["tokens"][0]["text"][:2] == ["the", "cat"]
    assert attribution.metadata["tokens"][1]["text"][2] == "[UNK]"


def mixed_table():
    lookup = L.StringLookup(vocabulary=["red", "blue"], name="lookup")
    colour = keras.Input((1,), dtype="string", name="colour")
    size = keras.Input((1,), name="size")
    grade = keras.Input((1,), dtype="int32", name="grade")
    parts = [
        L.Flatten()(L.Embedding(3, 2)(lookup(colour))),
        L.Flatten()(L.Embedding(5, 2)(grade)),
        size,
    ]
    return keras.Model([colour, size, grade], L.Dense(1)(L.Concatenate()(parts)))


def test_16_numbers_and_categories_in_one_run(explain):
    inputs = {
        "colour": np.array([["red"], ["green"]]),
        "size": np.array([[1.0], [2.0]]),
        "grade": np.array([[1], [4]]),
    }
    attribution = explain(mixed_table(), inputs)
    shapes = {name: array.shape for name, array in attribution.values.items()}
    assert shapes == {"colour": (2, 1, 2), "size": (2, 1), "grade": (2, 1, 2)}
    assert all(np.any(array != 0) for array in attribution.values.values())


def bytes_model(dtype):
    x = keras.Input((8, 8, 3), dtype=dtype, name="pixels")
    layers = [L.Rescaling(1 / 255.0), L.Conv2D(4, 3, activation="relu"), L.Flatten(), L.Dense(2)]
    y = x
    for layer in layers:
        y = layer(y)
    return keras.Model(x, y)


def test_17_pixels_of_whole_numbers_have_a_real_gradient(explain, rng):
    whole, floats = bytes_model("uint8"), bytes_model("float32")
    floats.set_weights(whole.get_weights())
    pixels = rng.integers(0, 256, (3, 8, 8, 3)).astype(np.uint8)
    values = explain(whole, pixels, target="class:1").values["pixels"]
    expected = explain(floats, pixels.astype(np.float32), target="class:1").values["pixels"]
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(values, expected, atol=1e-7)


def test_17_also_inside_a_nested_model(explain, rng):
    inner = bytes_model("uint8")
    x = keras.Input((8, 8, 3), dtype="uint8", name="outer")
    pixels = rng.integers(0, 256, (2, 8, 8, 3)).astype(np.uint8)
    values = explain(keras.Model(x, inner(x)), pixels, target="class:0").values["outer"]
    assert np.abs(values).max() > 0


def test_17_also_under_a_key_that_is_not_its_layers_name(explain):
    a = keras.Input((4,), dtype="uint8", name="elsewhere")
    model = keras.Model({"x": {"a": a}}, L.Dense(1)(L.Rescaling(0.5)(a)))
    values = explain(model, {"x/a": np.ones(4, np.uint8)}).values["x/a"]
    np.testing.assert_allclose(values, 0.5 * model.layers[-1].kernel.numpy()[:, 0], rtol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        L.Discretization(bin_boundaries=[0.0, 1.0], output_mode="one_hot"),
        L.CategoryEncoding(num_tokens=4),
    ],
    ids=["Discretization", "CategoryEncoding"],
)
def test_18_a_number_is_explained_at_its_one_hot_code(explain, layer):
    x = keras.Input((1,), name="value")
    model = keras.Model(x, L.Dense(1)(L.Flatten()(layer(x))))
    values = explain(model, np.array([[1.0]], np.float32)).values["value"]
    np.testing.assert_allclose(values[0].ravel(), model.layers[-1].kernel[:, 0], rtol=1e-6)


def test_18_a_layer_without_derivative_is_named(explain):
    x = keras.Input((1,), name="value")
    layer = L.Discretization(bin_boundaries=[0.0, 1.0])
    model = keras.Model(x, L.Dense(1)(keras.ops.cast(layer(x), "float32")))
    with pytest.raises(ItemError) as caught:
        explain(model, np.array([[1.0]], np.float32))
    assert caught.value.kind == "disconnected"
    assert layer.name in caught.value.format_line()
    assert "-m feature-ablation" in caught.value.format_line()
    attribution = explain(model, np.array([[1.0]], np.float32), method="feature-ablation")
    assert attribution.values["value"].any()


@keras.saving.register_keras_serializable("zoo")
class Rounding(L.Layer):
    def call(self, x):
        return keras.ops.round(x)


@keras.saving.register_keras_serializable("zoo")
class Winner(L.Layer):
    def call(self, x):
        return keras.ops.cast(keras.ops.argmax(x, axis=-1, keepdims=True), "float32")


@pytest.mark.parametrize("blocking", [Rounding, Winner])
def test_19_an_operation_without_derivative_is_named(explain, blocking):
    x = keras.Input((3,), name="value")
    model = keras.Model(x, blocking(name="wall")(x))
    with pytest.raises(ItemError) as caught:
        explain(model, np.array([[1.0, 2.0, 3.0]], np.float32), target="sum")
    assert "wall" in caught.value.format_line()


@keras.saving.register_keras_serializable("zoo")
class AreaResize(L.Layer):
    def call(self, x):
        return tf.image.resize(x, (2, 2), method="area")


def test_20_an_operation_that_tensorflow_cannot_derive_is_named(explain):
    x = keras.Input((4, 4, 1), name="value")
    model = keras.Model(x, L.Dense(1)(L.Flatten()(AreaResize()(x))))
    with pytest.raises(ItemError, match="ResizeArea"):
        explain(model, np.ones((1, 4, 4, 1), np.float32))


@pytest.mark.parametrize("kind", ["dense", "embedding"])
def test_47_quantized_layers_give_gradients(explain, kind, rng):
    if kind == "dense":
        model = keras.Sequential([keras.Input((8,)), L.Dense(16, activation="tanh"), L.Dense(1)])
        inputs = rng.normal(size=(3, 8)).astype(np.float32)
    else:
        layers = [keras.Input((6,), dtype="int32"), L.Embedding(20, 4), L.Flatten(), L.Dense(1)]
        model, inputs = keras.Sequential(layers), IDS
    exact = explain(model, inputs).values
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the input layer cannot be quantized, Keras says
        model.quantize("int8")
    values = explain(model, inputs).values
    (a,), (b,) = exact.values(), values.values()
    assert np.abs(b).max() > 0
    assert np.abs(a - b).max() <= 0.1 * np.abs(a).max()


def test_floats_in_an_integer_input_without_embedding(explain):
    """A plain integer column that goes through arithmetic has a derivative as a float."""
    x = keras.Input((2,), dtype="int32", name="n")
    model = keras.Model(x, L.Dense(1, use_bias=False)(keras.ops.cast(x, "float32") * 2.0))
    kernel = model.layers[-1].get_weights()[0]
    values = explain(model, np.array([[1, 2]])).values["n"]
    np.testing.assert_allclose(values[0], 2 * kernel[:, 0], rtol=1e-6)


def shared_embedding():
    a, b = (keras.Input((3,), dtype="int32", name=name) for name in "ab")
    table = L.Embedding(9, 2, name="table")
    return keras.Model([a, b], L.Dense(1)(L.Flatten()(table(a)) * 2.0 - L.Flatten()(table(b))))


def test_two_inputs_of_one_embedding(explain):
    inputs = {"a": np.array([[1, 2, 3]]), "b": np.array([[4, 5, 6]])}
    values = explain(shared_embedding(), inputs).values
    np.testing.assert_allclose(values["a"], -2 * values["b"], rtol=1e-6)


@pytest.mark.parametrize("traced", [False, True])
def test_texts_of_any_length(tmp_path, traced):
    layers = [L.Embedding(9, 2), L.GlobalAveragePooling1D(), L.Dense(1)]
    model = keras.Sequential([keras.Input((None,), dtype="int32", name="ids"), *layers])
    model.save(tmp_path / "m.keras")
    opened = api.load(tmp_path / "m.keras", traced=traced)
    for length in (3, 5, 4):
        attribution = api.explain(opened, np.ones((2, length), np.int32))
        assert attribution.values["ids"].shape == (2, length, 2)


def test_tokens_and_blame_with_a_fixed_batch(explain):
    ids = keras.Input(batch_shape=(4, 5), dtype="int32", name="ids")
    table = keras.ops.reshape(L.Embedding(9, 2)(ids), (4, 10))
    attribution = explain(keras.Model(ids, L.Dense(1)(table)), np.ones((3, 5), np.int32))
    assert len(attribution.metadata["tokens"]) == 3
    x = keras.Input(batch_shape=(2, 3), name="x")
    wall = keras.Model(x, keras.ops.round(keras.ops.reshape(x, (2, 3))))
    with pytest.raises(ItemError, match="Round"):
        explain(wall, np.ones((3, 3), np.float32), target="sum")

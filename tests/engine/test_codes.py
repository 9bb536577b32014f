"""Codes of words and categories beside numbers: each input has its own part of the gradient."""

import keras
import numpy as np
import pytest
from keras import layers

from inputgrad_cli import api

WORDS = ["red", "green", "blue"]
MODES = ("one_hot", "multi_hot", "count")


def words_encoder(kind, mode):
    """Return an encoder of words, of the words that are in it."""
    if kind == "TextVectorization":
        return layers.TextVectorization(
            vocabulary=WORDS, output_mode="multi_hot" if mode == "one_hot" else mode, name="code"
        )
    return layers.StringLookup(vocabulary=WORDS, output_mode=mode, name="code")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["StringLookup", "IntegerLookup", "TextVectorization"])
@pytest.mark.parametrize("hidden", [False, True], ids=["straight", "hidden"])
def test_numbers_beside_codes_keep_their_gradient(tmp_path, kind, mode, hidden):
    keras.utils.set_random_seed(4)
    if kind == "IntegerLookup":
        coded = keras.Input((1,), name="kind", dtype="int64")
        code = layers.IntegerLookup(vocabulary=[3, 5, 7], output_mode=mode, name="code")
        value = np.array([[5], [7]])
    else:
        # Keras takes texts in an axis of their own for one code each, where it then has none.
        shape = () if kind == "TextVectorization" else (1,)
        coded, code = keras.Input(shape, name="kind", dtype="string"), words_encoder(kind, mode)
        value = np.array(["green", "blue"]).reshape(2, *shape)
    age = keras.Input((1,), name="age")
    joined = layers.Concatenate()([code(coded), age])
    dense = layers.Dense(1, name="y")
    x = layers.Dense(4, activation="tanh")(joined) if hidden else joined
    keras.Model([coded, age], dense(x)).save(tmp_path / "m.keras")

    inputs = {"kind": value, "age": np.array([[0.5], [2.0]], np.float32)}
    together = api.explain(api.load(tmp_path / "m.keras"), inputs, target="unit:0")
    alone = api.explain(api.load(tmp_path / "m.keras"), inputs, target="unit:0", wrt="age")
    np.testing.assert_allclose(together.values["age"], alone.values["age"], rtol=1e-5)
    assert np.abs(together.values["age"]).min() > 0
    codes = together.values["kind"]
    assert codes.shape[-1] == len(WORDS) + 1  # and what is unknown
    if not hidden:
        kernel = np.asarray(dense.kernel)[:, 0]
        np.testing.assert_allclose(codes.reshape(2, -1)[0], kernel[:-1], rtol=1e-5)


def test_what_was_counted_for_tf_idf_is_no_lost_weight(tmp_path):
    code = layers.TextVectorization(output_mode="tf_idf")
    code.adapt(["red green", "green blue blue"])
    text = keras.Input((1,), name="text", dtype="string")
    keras.Model(text, layers.Dense(1, name="y")(code(text))).save(tmp_path / "m.keras")
    values = api.explain(tmp_path / "m.keras", {"text": np.array([["red blue"]])}).values
    assert np.isfinite(values["text"]).all()

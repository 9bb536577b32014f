"""Inputs that go through an embedding are told from the configuration alone."""

import json

import keras
import pytest

from inputgrad_cli.modelfile.embedding_inputs_from_config import find_embedded_inputs

L = keras.layers


def find(model, *names):
    config = json.loads(model.to_json())
    return find_embedded_inputs(config, names)


def test_ids_words_and_numbers_are_told_apart():
    ids = keras.Input((5,), dtype="int32", name="ids")
    words = keras.Input((), dtype="string", name="words")
    bag = keras.Input((), dtype="string", name="bag")
    numbers = keras.Input((3,), name="numbers")
    joined = L.Concatenate()(
        [
            L.Flatten()(L.Embedding(9, 2)(L.Identity()(ids))),
            L.Flatten()(
                L.Embedding(9, 2)(
                    L.TextVectorization(vocabulary=["a"], output_sequence_length=4)(words)
                )
            ),
            L.TextVectorization(vocabulary=["a"], output_mode="multi_hot")(bag),
            L.Dense(2)(numbers),
        ]
    )
    model = keras.Model([ids, words, bag, numbers], L.Dense(1)(joined))
    assert find(model, "ids", "words", "bag", "numbers") == {"ids", "words"}


@pytest.mark.parametrize("named", [True, False])
def test_a_chain_of_layers_has_one_input(named):
    layers = [L.Embedding(9, 2), L.GlobalAveragePooling1D(), L.Dense(1)]
    model = keras.Sequential([*([keras.Input((5,), name="x")] if named else []), *layers])
    model.build((None, 5))
    assert find(model, "x") == {"x"}
    assert find(keras.Sequential([keras.Input((5,)), L.Dense(1)]), "x") == frozenset()

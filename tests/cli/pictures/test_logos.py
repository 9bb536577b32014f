"""One-hot sequences are drawn as logos where --show says so, with the letters of --alphabet."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

WORDS = ("saliency", "m.keras", "s.npy", "--show", "dna=logo")


@pytest.fixture
def folder(tmp_path):
    keras.utils.set_random_seed(0)
    dna = keras.Input((12, 4), name="dna")
    keras.Model(dna, keras.layers.Dense(2)(keras.layers.Flatten()(dna))).save(tmp_path / "m.keras")
    bases = np.random.default_rng(0).integers(0, 4, 12)
    np.save(tmp_path / "s.npy", np.eye(4, dtype="float32")[bases])
    return tmp_path


def read_facts(path):
    with Image.open(path) as picture:
        return json.loads(picture.text["inputgrad"])


def test_a_sequence_is_a_logo_of_the_letters_that_a_user_names(call, folder):
    done = call(*WORDS, "--alphabet", "ACGU")
    assert done.code == 0, done.err
    path = folder / "inputgrad-out/s.npy.gradient.png"
    facts = read_facts(path)
    assert (facts["kind"], facts["alphabet"]) == ("logo", "ACGU")
    before = path.read_bytes()
    assert call("render", "inputgrad-out").code == 0
    assert path.read_bytes() == before
    assert call(*WORDS).code == 0
    assert read_facts(path)["alphabet"] == "ACGT"
    assert call("verify", "inputgrad-out").code == 0


def test_letters_that_do_not_fit_are_refused_in_a_sentence(call, folder):
    done = call(*WORDS, "--alphabet", "ACG")
    assert done.code == 3
    assert "names 3 letters, the sequence has 4" in done.err
    assert "Traceback" not in done.err

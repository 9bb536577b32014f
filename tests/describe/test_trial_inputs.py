"""`inspect --load` finds a length that the model takes, and tells the rest where there is none."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from inputgrad_cli.data.signature import InputSpec, Signature
from inputgrad_cli.describe import trial_inputs
from inputgrad_cli.errors import ItemError

DATA = Path(__file__).parents[1] / "modelfile" / "data"
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def takes(*lengths):
    """Return a signature of one open axis, and what runs only samples of these lengths."""

    def run(samples):
        size = samples.arrays["x"].shape[1]
        if size not in lengths:
            raise ItemError("the model cannot compute this input", reason="no", kind="compute")

    return Signature((InputSpec("x", (None, 4)),), (), ()), run


@pytest.mark.parametrize("length", trial_inputs.TRIAL_LENGTHS)
def test_every_listed_length_is_found(length):
    samples, size = trial_inputs.try_lengths(*takes(length))
    assert size == length == samples.arrays["x"].shape[1]


def test_a_length_that_is_given_is_the_only_one_tried():
    signature, run = takes(48)
    assert trial_inputs.try_lengths(signature, run, 48)[1] == 48
    with pytest.raises(ItemError, match="--length N"):
        trial_inputs.try_lengths(signature, run, 32)
    with pytest.raises(ItemError, match="12 other lengths"):
        trial_inputs.try_lengths(signature, run)


def test_memory_that_is_short_is_not_tried_again():
    def run(samples):
        raise ItemError("the input does not fit into memory", kind="memory")

    with pytest.raises(ItemError, match="memory"):
        trial_inputs.try_lengths(takes()[0], run)


def models():
    """Return models whose open axis takes some lengths only."""
    import keras
    from keras import layers

    return {
        "long": keras.Sequential([keras.Input((None, 4)), layers.Cropping1D(20), layers.LSTM(2)]),
        "short": keras.Sequential(
            [keras.Input((None, 4)), layers.Reshape((16, 4)), layers.LSTM(2)]
        ),
        "picture": keras.Sequential(
            [keras.Input((None, None, 3)), layers.Conv2D(2, 50), layers.GlobalMaxPooling2D()]
        ),
    }


def test_axes_of_any_length_are_given_one_that_fits(call, tmp_path):
    shapes = {}
    for name, model in models().items():
        model.save(tmp_path / f"{name}.keras")
        result = call("inspect", f"{name}.keras", "--load", "--json")
        assert result.code == 0, result.err
        shapes[name] = json.loads(result.out)["loaded"]["length"]
    assert shapes == {"long": 64, "short": 16, "picture": 64}


def test_where_no_length_fits_the_static_part_stands(call, tmp_path):
    models()["long"].save(tmp_path / "a.keras")
    result = call("inspect", "a.keras", "--load", "--length", "40")
    assert result.code == 3
    assert "Cropping1D" in result.out
    assert "--length" in result.err
    assert call("inspect", "a.keras", "--load", "--length", "50").code == 0


def test_a_saved_model_is_told_right_once_trusted(call, tmp_path):
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.export(tmp_path / "net", verbose=False)
    before = call("inspect", "net").out
    assert "refused without --trust-model" in before
    assert "0 numbers" not in before
    page = call("inspect", "net", "--load", "--trust-model").out
    assert "refused without" not in page
    assert "10 numbers in 2 arrays" in page
    assert "use --load" not in page


def test_a_saved_model_says_that_it_has_no_layers(call, tmp_path):
    with zipfile.ZipFile(DATA / "keras2-savedmodel.zip") as packed:
        packed.extractall(tmp_path / "net")
    import tensorflow as tf

    (spec,) = (
        tf.saved_model.load(str(tmp_path / "net"))
        .signatures["serving_default"]
        .structured_input_signature[1]
        .values()
    )
    np.save(tmp_path / "x.npy", np.ones((1, *spec.shape[1:]), np.float32))
    for word in (("--wrt", "layer:dense"),):
        result = call("saliency", "net", "x.npy", "-t", "unit:0", "--trust-model", *word)
        assert result.code == 2, result.err
        assert ".keras" in result.err

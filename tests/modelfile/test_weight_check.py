"""Every saved weight arrives, or the model is refused: it never runs on random ones."""

import importlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from inputgrad_cli import api
from inputgrad_cli.errors import ModelError
from inputgrad_cli.formats.combine_inputs import from_arrays
from tests.modelfile import files

OWN = str(Path(__file__).with_name("own_code.py"))
X = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module")
def own():
    from inputgrad_cli.engine.opening.user_code import import_code

    return import_code([OWN])


def outputs(path, arrays, **options):
    """Return the outputs of a model file, as the engine sees them after settling."""
    model = api.load(path, **options)
    ports = model.signature.inputs
    named = dict(zip([port.name for port in ports], arrays, strict=True))
    samples = from_arrays(named, ports, "test")
    model.calibrate(samples)
    return files.outputs(model, samples.arrays)


def saved(model, path, *arrays):
    """Save a model once it has run, and return what it gave."""
    y = np.asarray(model(*arrays, training=False))
    model.save(path)
    return y


def test_a_model_of_two_arguments_gets_its_weights_after_all(own, tmp_path):  # case 27
    path = tmp_path / "a.keras"
    expected = saved(own["TwoArguments"](), path, X, X[:, :2])
    result = outputs(path, [X, X[:, :2]], code=[OWN])
    assert np.array_equal(result[0], expected)


def test_a_build_that_forgets_its_layers_gets_its_weights_after_all(own, tmp_path):  # case 28
    path = tmp_path / "a.keras"
    expected = saved(own["ForgetfulBuild"](), path, X)
    result = outputs(path, [X], code=[OWN])[0]  # compiled or not, which rounds otherwise
    np.testing.assert_allclose(result, expected, rtol=1e-5)


def test_a_layer_that_never_comes_back_is_refused(own, tmp_path):
    model = own["Conditional"]()
    model(X, training=True)
    model.save(tmp_path / "a.keras")
    with pytest.raises(ModelError, match="aside") as caught:
        outputs(tmp_path / "a.keras", [X], code=[OWN])
    assert caught.value.kind == "weights"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(bad, tmp_path):  # case 23
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="d")])
    kernel = np.ones((4, 2), np.float32)
    kernel[1, 1] = bad
    model.set_weights([kernel, np.zeros(2)])
    model.save(tmp_path / "a.keras")
    with pytest.raises(ModelError, match=r"d/kernel' holds NaN") as caught:
        api.load(tmp_path / "a.keras")
    assert caught.value.kind == "weights"


HONEST = (
    "trained",
    "siamese",
    "quantized",
    "mixed",
    "half",
    "weightless",
    "normalized",
    "recurrent",
    "lora",
)


ONLY_ARCHIVES = {"quantized", "lora", "half"}  # Keras does not write these to HDF5
FILES = [(name, "keras") for name in HONEST] + [(n, "h5") for n in HONEST if n not in ONLY_ARCHIVES]


@pytest.mark.parametrize(("name", "ending"), FILES)
def test_honest_files_raise_no_alarm(name, ending, tmp_path):
    path = tmp_path / f"a.{ending}"
    make = getattr(importlib.import_module("tests.modelfile.honest"), name)
    expected = saved(make(), path, X)
    rounding = 1e-2 if name in ("half", "mixed") else 1e-5
    assert np.allclose(outputs(path, [X])[0], expected, rtol=rounding, atol=rounding)


def test_a_model_with_a_metric_of_its_own_raises_no_alarm(own, tmp_path):
    model = own["Tracked"]()
    model.compile("adam", "mse")
    model.fit(X, np.zeros((2, 1)), verbose=0)
    model.seen.update_state(5.0)
    expected = saved(model, tmp_path / "a.keras", X)
    assert np.allclose(outputs(tmp_path / "a.keras", [X], code=[OWN])[0], expected, rtol=1e-5)


def test_an_array_that_the_model_has_no_place_for_is_refused(tmp_path):
    import keras

    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="d")]).save(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file["model_weights/d/extra"] = np.ones(3, np.float32)
    with pytest.raises(ModelError, match="extra") as caught:
        outputs(tmp_path / "a.h5", [X])
    assert caught.value.kind == "weights"


def test_weights_of_the_wrong_shape_are_refused_in_one_sentence(tmp_path):
    import keras

    from tests.modelfile.files import rewritten

    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="d")]).save(
        tmp_path / "a.keras"
    )

    def widen(config):
        config["config"]["layers"][1]["config"]["units"] = 5
        return config

    with pytest.raises(ModelError) as caught:
        api.load(rewritten(tmp_path / "a.keras", widen, tmp_path / "b.keras"))
    sentence = caught.value.format_line()
    assert "\n" not in sentence
    assert "shape" in sentence


@pytest.mark.parametrize("index", [0, 1])
def test_a_model_saved_before_it_was_built_is_refused(index, tmp_path):
    import keras

    keras.Sequential([keras.layers.Dense(2)][:index]).save(tmp_path / "a.keras")
    with pytest.raises(ModelError, match="before it had any weights"):
        api.load(tmp_path / "a.keras")

"""Files of older Keras versions give what they gave when they were saved (cases 25, 26, 58).

`data` holds files made by Keras 3.3.3 and 3.8.0, and by tf_keras 2.21 under the module names and
the version of Keras 2.15, packed anew to be small; `expected.json` their outputs on a ramp.
"""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from inputgrad_cli import api
from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.model_file import open_model
from tests.modelfile import files

DATA = Path(__file__).with_name("data")
EXPECTED = json.loads((DATA / "expected.json").read_text())
MIGRATED = ("seq", "dw", "lstm", "gru", "nested", "nestedseq", "two", "mixed")


def ramp(ports):
    """Return the input that the fixtures were run on."""
    arrays = {}
    for port in ports:
        size = int(np.prod(port.shape))
        values = np.arange(size, dtype=np.float32).reshape(1, *port.shape)
        arrays[port.name] = values if port.dtype == "int32" else values / size
    return arrays


def outputs(path, **options):
    model = api.load(path, **options)
    return files.outputs(model, ramp(model.signature.inputs))


def same(path, expected, **options):
    result = outputs(path, **options)
    assert len(result) == len(expected)
    for here, there in zip(result, expected, strict=True):
        assert np.allclose(here, there, rtol=1e-5, atol=1e-6)


def unzipped(name, folder):
    with zipfile.ZipFile(DATA / name) as packed:
        packed.extractall(folder)
    return folder


@pytest.mark.parametrize("name", [n for n in EXPECTED if n.startswith("keras3")])
def test_nested_models_of_early_keras_3_open(name):  # case 25
    same(DATA / name, EXPECTED[name])


@pytest.mark.parametrize("name", MIGRATED)
def test_archives_of_keras_2_open(name):  # case 26
    same(DATA / f"keras2-{name}.keras", EXPECTED[f"keras2-{name}"])


@pytest.mark.parametrize("name", MIGRATED)
def test_hdf5_files_of_keras_2_open(name, tmp_path):  # case 26
    folder = unzipped("keras2-hdf5.zip", tmp_path)
    same(folder / f"keras2-{name}.h5", EXPECTED[f"keras2-{name}"])


def test_operations_of_keras_2_need_trust_and_tf_keras():
    with pytest.raises(ModelError, match="TFOpLambda") as caught:
        api.load(DATA / "keras2-tfop.keras")
    assert "--trust-model" in caught.value.format_line()
    with pytest.raises(ModelError) as caught:
        api.load(DATA / "keras2-tfop.keras", trust=True)
    assert "inputgrad-cli[legacy]" in caught.value.format_line()


def test_a_directory_is_opened_like_its_archive(tmp_path):
    name = "keras3.8-transfer.keras"
    for folder in (tmp_path / "plain", tmp_path / "named.keras"):
        same(unzipped(name, folder), EXPECTED[name])


def test_a_file_of_a_later_keras_names_the_version(tmp_path):
    from tests.modelfile.files import archive, layer, sequential

    later = sequential(layer("Dense", "new", units=2, holographic=True))
    path = archive(tmp_path / "a.keras", later, version="9.1.0")
    with pytest.raises(ModelError, match="holographic") as caught:
        api.load(path)
    assert "saved by Keras 9.1.0" in caught.value.format_line()
    assert "pip install -U keras" in caught.value.format_line()


def test_a_saved_model_needs_trust(tmp_path):  # case 58
    folder = unzipped("keras2-savedmodel.zip", tmp_path / "net")
    with pytest.raises(ModelError, match="a program of TensorFlow's") as caught:
        api.load(folder)
    assert caught.value.kind == "unsafe"
    same(folder, EXPECTED["keras2-dw"], trust=True)
    assert open_model(folder).form == "saved_model"


@pytest.mark.parametrize("way", ["export", "save"])
def test_a_saved_model_has_the_gradient_of_its_twin(way, tmp_path):  # case 58
    import keras
    import tensorflow as tf

    model = keras.Sequential(
        [keras.Input((4,), name="x"), keras.layers.Dense(5, "tanh"), keras.layers.Dense(3)]
    )
    model.save(tmp_path / "twin.keras")
    if way == "export":
        model.export(str(tmp_path / "net"), verbose=False)
    else:
        tf.saved_model.save(model, str(tmp_path / "net"))
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    twin = api.explain(api.load(tmp_path / "twin.keras"), x, target="unit:1", space="output")
    opened = api.load(tmp_path / "net", trust=True)
    attribution = api.explain(opened, x, target="unit:1", space="output")
    (here,), (there,) = attribution.values.values(), twin.values.values()
    assert np.allclose(here, there, rtol=1e-5, atol=1e-6)  # eager and graph round apart


def test_a_saved_model_without_signatures_says_so(tmp_path):
    import tensorflow as tf

    tf.saved_model.save(tf.Module(), str(tmp_path / "net"))
    with pytest.raises(ModelError, match="no signature"):
        api.load(tmp_path / "net", trust=True)

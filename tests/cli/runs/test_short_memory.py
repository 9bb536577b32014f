"""A run whose passes do not fit into memory: smaller ones, told once, and kept on resume."""

import json

import numpy as np
import pytest

from tests.cli import arrays, items, stream

CODE = """
import keras, numpy as np, tensorflow as tf

def full(rows):
    if rows > LARGEST:
        raise MemoryError
    return np.float32(0)

@keras.saving.register_keras_serializable("hungry")
class Hungry(keras.layers.Layer):
    def call(self, inputs):
        nothing = tf.numpy_function(full, [tf.shape(inputs)[0]], tf.float32)
        return inputs + tf.reshape(nothing, ())
"""


@pytest.fixture
def model(tmp_path):
    """Write a model that runs out of memory above a number of samples, and twelve inputs."""
    import keras

    def model(largest):
        code = tmp_path / f"hungry{largest}.py"
        code.write_text(CODE.replace("LARGEST", str(largest)))
        scope = {"__name__": "hungry"}
        exec(code.read_text(), scope)
        keras.utils.set_random_seed(0)
        layers = keras.layers
        network = [layers.Input((4,)), layers.Dense(5, "tanh"), scope["Hungry"](), layers.Dense(3)]
        if not (tmp_path / "m.keras").exists():
            keras.Sequential(network).save(tmp_path / "m.keras")
        return "m.keras", "--code", code

    folder = tmp_path / "in"
    folder.mkdir()
    for index, row in enumerate(np.random.default_rng(0).normal(size=(12, 4))):
        np.save(folder / f"{index:02}.npy", row)
    return model


def test_smaller_passes_are_told_once_and_kept(call, model, tmp_path):
    words = ("in", "--json", "--batch-size", "8")
    plain = call("saliency", *model(99), *words, "-o", "plain")
    done = call("saliency", *model(2), *words, "-o", "short")
    assert (plain.code, done.code) == (0, 0)
    (warning,) = [w for w in stream(done) if w["type"] == "warning" and w["code"] == "memory"]
    assert "last digits" in warning["message"]
    assert not [w for w in stream(plain) if w["type"] == "warning" and w["code"] == "memory"]
    record = json.loads((tmp_path / "short" / "run.json").read_bytes())
    assert record["batch_size"] == 2
    for path in (tmp_path / "plain").glob("*.npz"):
        expected, values = (arrays(path_) for path_ in (path, tmp_path / "short" / path.name))
        for site, array in expected.items():
            np.testing.assert_allclose(values[site], array, rtol=1e-5, atol=1e-7)
    np.save(tmp_path / "in" / "new.npy", np.ones(4))
    again = call("saliency", *model(2), "in", "--json", "-o", "short")
    assert sorted(item["status"] for item in items(again)) == ["ok"] + ["skipped"] * 12
    assert not [w for w in stream(again) if w["type"] == "warning" and w["code"] == "memory"]


def test_what_does_not_fit_at_all_is_the_items_fault(call, model):
    done = call("saliency", *model(0), "in/00.npy", "--json")
    assert done.code == 3
    (item,) = items(done)
    assert item["error"]["kind"] == "memory"
    assert "does not fit into memory" in item["error"]["message"]

"""Models that call models multiply: the calls are counted in the file, none is made."""

import re

import numpy as np
import pytest

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.custom_code_checks import refuse_unsafe
from inputgrad_cli.modelfile.layer_call_limits import refuse_too_many_calls
from inputgrad_cli.modelfile.model_file import open_model
from inputgrad_cli.modelfile.model_summary import build_outline
from tests.processor_cost import limit_cost

from .files import archive, layer


def tensor(name, node=0):
    config = {"shape": [None, 2], "dtype": "float32", "keras_history": [name, node, 0]}
    return {"args": [{"class_name": "__keras_tensor__", "config": config}], "kwargs": {}}


def entry(name):
    return layer("InputLayer", name, batch_shape=[None, 2], dtype="float32") | {
        "name": name,
        "inbound_nodes": [],
    }


def calling(name, inner, times):
    """Return the configuration of a model that calls another so many times."""
    start, end = f"{name}_in", inner["config"]["name"]
    first = "layers" in inner["config"]  # Keras counts the making of a model as its first call
    chained = [tensor(end, node + first) for node in range(times - 1)]
    inner = inner | {"name": end, "inbound_nodes": [tensor(start), *chained]}
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "registered_name": "Functional",
        "config": {
            "name": name,
            "trainable": True,
            "layers": [entry(start), inner],
            "input_layers": [start, 0, 0],
            "output_layers": [end, times - 1 + first, 0],
        },
    }


def tower(levels, times, wrap=lambda node: node):
    model = layer("Activation", "leaf", activation="relu")
    for level in range(levels):
        model = wrap(calling(f"m{level}", model, times))
    return model


def in_time_distributed(model):
    return layer("TimeDistributed", f"t{model['config']['name']}", layer=model)


@pytest.mark.parametrize(
    "config",
    [
        tower(30, 2),
        tower(3, 40),
        calling("out", tower(29, 2, in_time_distributed), 2),
    ],
    ids=["doubling", "cubed", "wrapped"],
)
def test_calls_that_multiply_are_refused_at_once(config, tmp_path):
    file = open_model(archive(tmp_path / "a.keras", config))
    with limit_cost(jobs=30):
        build_outline(file.config)
        with pytest.raises(ModelError, match="layer calls") as caught:
            refuse_unsafe(file)
    assert caught.value.kind == "unsafe"


@pytest.mark.parametrize("config", [tower(8, 2), tower(2, 30), tower(1, 60_000), tower(30, 1)])
def test_models_inside_models_are_opened(config, tmp_path):
    refuse_too_many_calls(open_model(archive(tmp_path / "a.keras", config)))


@pytest.mark.parametrize(("levels", "times"), [(3, 2), (2, 3), (4, 1), (6, 2)])
def test_no_call_that_keras_makes_is_missed(levels, times, tmp_path, monkeypatch):
    import keras

    done = []
    call = keras.layers.Activation.call

    def watched(self, inputs):
        done.append(self.name)
        return call(self, inputs)

    monkeypatch.setattr(keras.layers.Activation, "call", watched)
    model = keras.layers.Activation("relu")
    for _ in range(levels):
        tensor = start = keras.Input((2,))
        for _ in range(times):
            tensor = model(tensor)
        model = keras.Model(start, tensor)
    model.save(tmp_path / "a.keras")
    done.clear()
    model(np.zeros((1, 2), "float32"))
    assert len(done) == times**levels
    monkeypatch.setattr("inputgrad_cli.modelfile.layer_call_limits.MAX_CALLS", 0)
    monkeypatch.setattr("inputgrad_cli.modelfile.layer_call_limits.MAX_CALL_RATIO", 0)
    with pytest.raises(ModelError) as caught:
        refuse_too_many_calls(open_model(tmp_path / "a.keras"))
    counted = int(
        re.search(r"takes ([\d,]+) layer calls", caught.value.message)[1].replace(",", "")
    )
    assert len(done) <= counted <= 5 * len(done)

"""Hand-made model files: a healthy one without Keras, and ways to spoil it."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.custom_code_checks import refuse_unsafe
from inputgrad_cli.modelfile.model_file import open_model

DENSE = {
    "module": "keras.layers",
    "class_name": "Dense",
    "config": {"name": "dense", "units": 3, "activation": "softmax"},
    "registered_name": None,
    "build_config": {"input_shape": [None, 2]},
}


def layer(kind, name="it", module="keras.layers", **settings):
    """Return a layer as Keras writes it."""
    return {
        "module": module,
        "class_name": kind,
        "config": {"name": name, **settings},
        "registered_name": None,
    }


def sequential(*layers, width=2):
    """Return the configuration of a Sequential of these layers and a Dense at its end."""
    start = layer("InputLayer", "x", batch_shape=[None, width], dtype="float32")
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "net", "layers": [start, *layers, DENSE]},
        "registered_name": None,
    }


def weights(fill=None):
    """Return the bytes of a `model.weights.h5`; `fill(file)` may spoil it."""
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        file["layers/dense/vars/0"] = np.arange(6, dtype=np.float32).reshape(2, 3)
        file["layers/dense/vars/1"] = np.zeros(3, np.float32)
        if fill:
            fill(file)
    return data.getvalue()


def archive(path, config=None, members=None, packing=zipfile.ZIP_STORED, version="3.15.1"):
    """Write a `.keras` file and return its path; `members` replace or add to what stands in it."""
    inside = {
        "metadata.json": json.dumps({"keras_version": version}).encode(),
        "config.json": json.dumps(config or sequential()).encode(),
        "model.weights.h5": weights(),
        **(members or {}),
    }
    with zipfile.ZipFile(path, "w", packing) as file:
        for name, data in inside.items():
            if data is not None:
                file.writestr(name, data)
    return path


def rewritten(path, change, copy):
    """Write a copy of a `.keras` file with `change(config)` as its configuration."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(copy, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "config.json":
                data = json.dumps(change(json.loads(data))).encode()
            target.writestr(name, data)
    return copy


def outputs(model, arrays):
    """Return the outputs of an opened model, by a plain call of what it holds."""
    import tensorflow as tf

    tensors = {port.name: tf.cast(arrays[port.name], port.dtype) for port in model.signature.inputs}
    binding = model.engine.adapter
    return [np.asarray(y) for y in binding.compute(binding.call, tensors).values()]


def refusal(path):
    """Return the sentence in which a file is refused before Keras sees it."""
    with pytest.raises(ModelError) as caught:
        refuse_unsafe(open_model(path))
    sentence = caught.value.format_line()
    assert sentence.isprintable()
    assert len(sentence) < 700
    return sentence

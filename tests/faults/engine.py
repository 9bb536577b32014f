"""The closed-form engine in the place of the real one, under the real command line."""

import os
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np

from inputgrad_cli.data.signature import InputSpec, OutputSpec, Signature
from inputgrad_cli.errors import CompileError
from inputgrad_cli.supervision.shared_memory_page import Stage
from inputgrad_cli.supervision.worker_state_reporting import WORKER
from tests.formula_engines import Formula

WHITE = 255.0
POISON = 7  # the first value of a picture at which the process dies
STUBS = (
    "inputgrad_cli.engine.opening.checked_model_load",
    "inputgrad_cli.engine.adapter.tensorflow_startup",
)


class Brightness(Formula):
    """Scores pictures of 0..255 by `sum w -log(1 - (x/255)^2)`.

    Black has the gradient zero, and white none that is finite. A pass takes `seconds`; one over a
    picture that begins with `POISON` ends the process by the signal `crash`, if that is one. Where
    it is `uncompiled` it can only run without oneDNN's kernels.
    """

    def __init__(self, ports, batch_size, seconds=0.0, crash=0, uncompiled=False):
        super().__init__(self._f, self._df, {}, batch_size)
        self.signature = Signature(tuple(ports), (OutputSpec("y", (1,)),))
        self.seconds, self.crash, self.uncompiled = seconds, crash, uncompiled
        self.name = ports[0].name

    def _weights(self, x):
        # Of x's own type and shape: to cast or repeat on the way, NumPy takes buffers without
        # Python's lock, and where there is no memory for one, its error crashes the process.
        return np.arange(x.size, dtype=x.dtype).reshape(x.shape) % x[0].size % 7 + 1

    def _f(self, inputs):
        time.sleep(self.seconds)
        if self.uncompiled and os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "0":
            raise CompileError("the model cannot be compiled")
        if self.crash and (inputs[self.name][:, 0, 0, 0] == POISON).any():
            os.kill(os.getpid(), self.crash)
        x = inputs[self.name].astype(np.float64)
        with np.errstate(divide="ignore"):
            bits = self._weights(x) * -np.log1p(-((x / WHITE) ** 2))
        return bits.reshape(len(x), -1).sum(axis=1)

    def _df(self, inputs):
        x = inputs[self.name].astype(np.float64)
        with np.errstate(divide="ignore"):
            return {self.name: self._weights(x) * 2 * x / (WHITE**2 - x**2)}


def install(seconds=0.0, sealed=False, crash=0, opening=0, stuck="", **more):
    """Put the closed form where the engine would be loaded; TensorFlow is then never asked for.

    A `sealed` one cannot be loaded: for what must end before that. `opening` is a signal that ends
    the process there, `crash` one that ends it at a poisoned picture. With `stuck` it takes for
    ever where it may take half a second: it computes (`busy`), or waits (`idle`). What more
    there is goes to the engine.
    """

    def load(file, *words, **options):
        from inputgrad_cli.modelfile.model_summary import build_outline

        if sealed:
            raise AssertionError("the engine was loaded")
        if stuck:
            WORKER.enter_stage(Stage.OPENING, str(file.path), 0.5)
        while stuck:
            time.sleep(0.01 if stuck == "idle" else 0)
        if opening:
            os.kill(os.getpid(), opening)

        engine_options = next((w for w in words if hasattr(w, "batch_size")), None)
        ports = build_outline(file.config).inputs or (InputSpec("input", None),)
        engine = Brightness(
            ports, engine_options.batch_size if engine_options else 16, seconds, crash, **more
        )
        quiet = SimpleNamespace(text="")
        return SimpleNamespace(engine=engine, messages=quiet, calibrate=lambda inputs: None)

    def list_versions():
        return {"tensorflow": "none", "keras": "none"}

    for module_name, function in zip(STUBS, (load, list_versions), strict=True):
        sys.modules[module_name] = module = ModuleType(module_name)
        setattr(module, function.__name__, function)


def save_model(path: Path, side=8):
    """Write a `.keras` file of pictures (side, side, 3) whose values go in as 0..255."""
    import io
    import json
    import zipfile

    import h5py

    def layer(kind, **config):
        config["dtype"] = "float32"
        return {"module": "keras.layers", "class_name": kind, "config": config}

    layers = [
        layer("InputLayer", batch_shape=[None, side, side, 3], name="picture"),
        layer("Rescaling", name="rescale", scale=1 / WHITE, offset=0.0),
        layer("Flatten", name="flat"),
    ]
    config = {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "brightness", "layers": layers},
    }
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        file.create_group("layers")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights.getvalue())
    return path

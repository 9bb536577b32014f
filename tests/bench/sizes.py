"""Whole jobs of many sizes, against the better of two straight scripts: eager, and compiled.

The cliffs lie between the sizes: a job that is compiled too late or too early, or folded without
need, shows here. The cost figures that the mode is chosen by are checked by these rows.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

from .jobs import PYTHON, TOOL, pictures, seconds
from .loops import saved

SIZES = (1, 16, 48, 96, 160, 320, 1000)
MODELS = ("MobileNetV2", "ResNet50", "small", "table")
SCRIPT = Path(__file__).with_name("straight.py")
SMALL = """
import keras, sys
from keras import layers
keras.utils.set_random_seed(0)
convolutions = [layers.Conv2D(n, 3, activation="relu", padding="same") for n in (16, 32, 64)]
body = [part for layer in convolutions for part in (layer, layers.MaxPooling2D())]
picture = [keras.Input((64, 64, 3)), layers.Rescaling(1 / 255), *body, layers.Flatten()]
table = [keras.Input((20,)), layers.Dense(64, "relu"), layers.Dense(64, "relu")]
keras.Sequential([*picture, layers.Dense(5, "softmax")]).save(sys.argv[1] + "/small.keras")
keras.Sequential([*table, layers.Dense(3, "softmax")]).save(sys.argv[1] + "/table.keras")
"""


def compare(folder, model, size, rounds):
    """Return pairs of seconds: of our command, and of the better of the two scripts."""
    path, source = _model(folder, model), _inputs(folder, model, size)

    def ours(n):
        raw = ["--preprocess", "raw"] if model != "table" else []
        return seconds([*TOOL, "saliency", path, source, "-q", *raw, "-o", folder / f"ours{n}"])

    def script(mode, n):
        return seconds([PYTHON, SCRIPT, mode, path, folder / f"{mode}{n}", source])

    ours("warm")
    better = min(("eager", "compiled"), key=lambda mode: script(mode, "warm"))
    return [(ours(n), script(better, n)) for n in range(rounds)]


def _model(folder, model):
    if model in ("small", "table"):
        command = [sys.executable, "-c", SMALL, str(folder)]
        subprocess.run(command, check=True, capture_output=True)
        return folder / f"{model}.keras"
    return saved(model, folder)


def _inputs(folder, model, size):
    if model != "table":
        return pictures(folder / "in", size, 64 if model == "small" else 224)
    rows = np.random.default_rng(0).normal(size=(size, 20))
    header = ",".join(f"c{column}" for column in range(20))
    np.savetxt(folder / "table.csv", rows, delimiter=",", header=header, comments="")
    return folder / "table.csv"

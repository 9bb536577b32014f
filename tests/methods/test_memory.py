"""Memory does not grow with steps and samples."""

import json
import subprocess
import sys

import pytest

SCRIPT = """
import json, sys
import keras, numpy as np
from inputgrad_cli import api
from tests.peak_memory import peak
path, method = sys.argv[1:3]
model = api.load(path, batch_size=16, traced=True)
x = np.random.default_rng(0).random((1, 224, 224, 3), np.float32)
api.explain(model, x, method=method)
print(json.dumps(peak()))
"""
PAIRS = {
    "integrated-gradients": ("steps=50", "steps=1000"),
    "smoothgrad": ("samples=50", "samples=1000"),
    "vargrad": ("samples=50", "samples=1000"),
    "guided-integrated-gradients": ("steps=50", "steps=1000"),
    "internal-influence": ("steps=50", "steps=1000"),
    "conductance": ("steps=50", "steps=1000"),
    "rise": ("samples=50", "samples=1000"),
    "lime": ("samples=100", "samples=1000"),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Return the path of a small network of large pictures."""
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((224, 224, 3)),
            layers.Conv2D(8, 3, strides=4, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )
    path = tmp_path_factory.mktemp("model") / "large.keras"
    model.save(path)
    return path


def held(model, method):
    """Return the most bytes that a process held which explained one picture."""
    command = [sys.executable, "-c", SCRIPT, str(model), method]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("method", PAIRS)
def test_a_thousand_steps_hold_what_fifty_do(model, method):
    few, many = (held(model, f"{method}:{count}") for count in PAIRS[method])
    print(f"{method}: {few / 1e6:.0f} MB, {many / 1e6:.0f} MB")
    assert many < 1.1 * few

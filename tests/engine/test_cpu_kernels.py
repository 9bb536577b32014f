"""No convolution kills the process or gives wrong numbers, whichever kernels compute it."""

import itertools
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from inputgrad_cli.engine.adapter.cpu_kernel_selection import EIGEN, ONEDNN, ONEDNN_VARIABLE

CHILD = """
import itertools, json, sys
import numpy as np
from inputgrad_cli.engine.adapter.tensorflow_startup import import_keras
from inputgrad_cli.engine.adapter.captured_stderr import CapturedOutput
import_keras(CapturedOutput(), {kernels!r})
import keras
from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
from inputgrad_cli.engine.adapter.cpu_kernel_selection import get_active_kernels
from inputgrad_cli.engine.pass_setup import PassContext
from inputgrad_cli.engine.tape_engine import TapeEngine
from inputgrad_cli.interfaces.engine import EngineOptions
from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget, pin

results = []
for kernel, stride, channels, batch, side, padding in json.load(sys.stdin):
    random = np.random.default_rng(kernel + 7 * stride + 31 * channels + side)
    inputs = keras.Input((side, side, channels), name="x")
    layer = keras.layers.Conv2D(2, kernel, strides=stride, padding=padding, name="y")
    model = keras.Model(inputs, layer(inputs))
    weights = random.normal(size=(kernel, kernel, channels, 2)).astype("float32")
    layer.set_weights([weights, np.zeros(2, "float32")])
    engine = TapeEngine(PassContext(KerasAdapter(model)), EngineOptions(batch_size=batch))
    x = random.normal(size=(batch, side, side, channels)).astype("float32")
    engine.calibrate({{"x": x}})
    target = ResolvedTarget("sum", "y", "reduce", "output", argument="sum")
    gradients = engine.compute_gradients({{"x": x}}, pin(target, batch), ["x"])
    results.append(gradients.values["x"].tolist())
print(json.dumps({{"kernels": get_active_kernels(), "mode": engine.mode, "results": results}}))
"""
GRID = list(
    itertools.product((1, 3), (1, 2, 3), (1, 3, 16), (1, 3), (8, 15, 16, 33), ("same", "valid"))
)


def slope_of_sum(kernel, stride, channels, batch, side, padding):
    """Return the gradient of the sum of a convolution: at each place the weights that reach it."""
    random = np.random.default_rng(kernel + 7 * stride + 31 * channels + side)
    weights = random.normal(size=(kernel, kernel, channels, 2)).astype("float32").sum(axis=-1)
    steps = -(-side // stride) if padding == "same" else (side - kernel) // stride + 1
    before = max((steps - 1) * stride + kernel - side, 0) // 2 if padding == "same" else 0
    whole = np.zeros((side, side, channels))
    for row, column in itertools.product(range(steps), repeat=2):
        for i, j in itertools.product(range(kernel), repeat=2):
            y, x = row * stride + i - before, column * stride + j - before
            if 0 <= y < side and 0 <= x < side:
                whole[y, x] += weights[i, j]
    return np.broadcast_to(whole, (batch, *whole.shape))


def gradients_in_a_process(cases, kernels, environment=None):
    child = subprocess.run(
        [sys.executable, "-c", CHILD.format(kernels=kernels)],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        env={
            **{k: v for k, v in os.environ.items() if k != ONEDNN_VARIABLE},
            **(environment or {}),
        },
        check=False,
    )
    assert child.returncode == 0, child.stderr[-2000:]
    return json.loads(child.stdout)


def check(cases, kernels, environment=None):
    answer = gradients_in_a_process(cases, kernels, environment)
    for case, result in zip(cases, answer["results"], strict=True):
        expected = slope_of_sum(*case)
        error = np.abs(np.asarray(result) - expected).max()
        assert error <= 1e-5 * np.abs(expected).max(), (case, error)
    return answer


def test_kernels_follow_the_request_and_eager_passes_are_without_onednn():
    """These shapes corrupted memory eagerly with oneDNN, nearly every time."""
    cases = [(1, 2, channels, 3, 16, "same") for channels in (1, 3, 8, 12)]
    answer = check(cases, EIGEN)
    assert (answer["kernels"], answer["mode"]) == (EIGEN, "eager")


def test_with_onednn_nothing_is_eager():
    cases = [(1, 2, channels, 3, 16, "same") for channels in (1, 3, 8, 12)]
    answer = check(cases, ONEDNN)
    assert (answer["kernels"], answer["mode"]) in ((ONEDNN, "traced"), (EIGEN, "eager"))


@pytest.mark.parametrize("value", ["0", "1"])
def test_what_the_user_set_stays(value):
    asked = ONEDNN if value == "0" else EIGEN
    answer = gradients_in_a_process([(1, 2, 3, 1, 16, "same")], asked, {ONEDNN_VARIABLE: value})
    assert answer["kernels"] == EIGEN or value == "1"


@pytest.mark.slow
@pytest.mark.parametrize("kernels", [EIGEN, ONEDNN])
@pytest.mark.parametrize("part", range(4))
def test_a_grid_of_convolutions(kernels, part):
    check(GRID[part::4], kernels)

"""Devices, tested with logical CPU devices in the place of GPUs: CPU:1 is gpu:1."""

import json
import os
import subprocess
import sys

import pytest

from inputgrad_cli.engine.adapter.cpu_kernel_selection import ONEDNN_VARIABLE

SCRIPT = """
import json, sys
from inputgrad_cli.engine.adapter import tensorflow_startup
from inputgrad_cli.engine.adapter.captured_stderr import CapturedOutput

tensorflow_startup.import_keras(CapturedOutput())
import keras
import tensorflow as tf

(cpu,) = tf.config.list_physical_devices("CPU")
three = [tf.config.LogicalDeviceConfiguration()] * 3
tf.config.set_logical_device_configuration(cpu, three)
there, on = tf.config.list_physical_devices, tf.device
tf.config.list_physical_devices = lambda kind=None: [cpu] * 3 if kind == "GPU" else there(kind)
tf.device = lambda name: on(name.replace("GPU", "CPU"))
tf.config.experimental.enable_tensor_float_32_execution(True)

import numpy as np
from inputgrad_cli import api
from inputgrad_cli.cli.main import run

def place(tensor):
    return tensor.device.rpartition("device:")[2]

def opened(path, device, **how):
    "Return where a model's weights are, and where what it computes for five samples comes from."
    model = api.load(path, device=device, batch_size=2, code=CODE, **how)
    from inputgrad_cli.engine.pass_runner import Runner
    seen, inner = set(), Runner.run
    def spied(runner, key, make, arrays, pins):
        found = inner(runner, key, make, arrays, pins)
        seen.update(place(t) for t in tf.nest.flatten(found) if hasattr(t, "device"))
        return found
    Runner.run = spied
    port = model.signature.inputs[0]
    x = np.random.default_rng(0).random((5, *port.shape), np.float32)
    made = api.explain(model, x, method="integrated-gradients:steps=3")
    Runner.run = inner
    weights = {place(v.value) for v in model.engine.adapter.model.variables}
    total = float(np.abs(made.values[port.name]).sum())
    return {"weights": sorted(weights), "seen": sorted(seen), "total": total}

MODEL, CODE = sys.argv[1], sys.argv[2:3]
print(json.dumps(EXPRESSION))
"""
MODES = {"eager": {}, "traced": {"traced": True}, "folded": {"folded": True}}
CHOSEN = {"cpu": "CPU:0", "gpu": "CPU:0", "gpu:1": "CPU:1", "gpu:2": "CPU:2"}
PROBE = """
import keras, tensorflow as tf

@keras.saving.register_keras_serializable("probe")
class Probe(keras.layers.Layer):
    seen = set()

    def call(self, inputs):
        if not isinstance(inputs, tf.__internal__.EagerTensor):
            return inputs

        @tf.custom_gradient
        def pass_on(x):
            Probe.seen.add(("forward", x.device[-5:]))
            def back(dy):
                Probe.seen.add(("back", dy.device[-5:]))
                return dy
            return tf.identity(x), back

        return pass_on(inputs)
"""


def probed(expression, *words):
    """Return the value of an expression in a process of its own that has three such devices."""
    script = SCRIPT.replace("EXPRESSION", expression)
    command = [sys.executable, "-W", "error", "-c", script, *map(str, words)]
    # Without oneDNN, so that eager is eager: with it everything is compiled.
    env = {**os.environ, ONEDNN_VARIABLE: "0"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env=env
    )
    assert done.returncode == 0, done.stderr
    *lines, last = done.stdout.splitlines()
    return json.loads(last), "\n".join(lines), done.stderr


@pytest.fixture(scope="module")
def seen(samples):
    """Return where each mode computed on each device."""
    calls = "[opened(MODEL, device, **how) for device in {} for how in {}]"
    result, _, _ = probed(
        calls.format(list(CHOSEN), list(MODES.values())), samples / "shapes.keras"
    )
    pairs = [(device, mode) for device in CHOSEN for mode in MODES]
    return dict(zip(pairs, result, strict=True))


@pytest.mark.parametrize("device", CHOSEN)
@pytest.mark.parametrize("mode", MODES)
def test_gradients_are_computed_where_one_asked(seen, device, mode):
    assert seen[device, mode]["seen"] == [CHOSEN[device]]


@pytest.mark.parametrize("device", CHOSEN)
@pytest.mark.parametrize("mode", MODES)
def test_weights_are_kept_where_they_are_used(seen, device, mode):
    assert seen[device, mode]["weights"] == [CHOSEN[device]]


@pytest.mark.parametrize("mode", MODES)
def test_devices_agree(seen, mode):
    totals = [seen[device, mode]["total"] for device in CHOSEN]
    assert totals == pytest.approx([totals[0]] * len(totals), rel=1e-6)


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    """Return the path of a model with a layer that sees where it is run, and of its code."""
    import keras

    folder = tmp_path_factory.mktemp("probe")
    code = folder / "probe.py"
    code.write_text(PROBE)
    scope = {}
    exec(PROBE, scope)
    layers = keras.layers
    middle = [layers.Dense(3, "tanh"), scope["Probe"](), layers.Dense(2)]
    keras.Sequential([layers.Input((4,)), *middle]).save(folder / "probe.keras")
    return folder / "probe.keras", code


def test_layers_run_there_forward_and_back(probe):
    layers = "keras.saving.get_custom_objects().values()"
    result, _, _ = probed(
        f"[opened(MODEL, 'gpu:1')['seen'], [sorted(layer.seen) for layer in {layers}]]", *probe
    )
    assert result == [["CPU:1"], [[["back", "CPU:1"], ["forward", "CPU:1"]]]]


def test_auto_leaves_it_to_tensorflow_and_no_threads_share_a_gpu():
    result, _, _ = probed(
        "[tensorflow_startup.pick_device('auto'), tensorflow_startup.share_cores(None),"
        " tensorflow_startup.share_cores('/device:GPU:1'),"
        " tensorflow_startup.share_cores('/device:CPU:0') >= 1]",
        "none",
    )
    assert result == [None, 0, 0, True]


def test_a_gpu_rounds_as_a_cpu_does(samples):
    result, _, _ = probed(
        "[tf.config.experimental.tensor_float_32_execution_enabled(),"
        " opened(MODEL, 'auto')['seen'],"
        " tf.config.experimental.tensor_float_32_execution_enabled()]",
        samples / "shapes.keras",
    )
    assert result == [True, ["CPU:0"], False]


def test_the_command_takes_the_device_or_tells_that_it_is_absent(samples, tmp_path):
    picture = samples / "inputs" / "shapes" / "06-cross.png"
    call = f"run(['saliency', MODEL, {str(picture)!r}, '-o', {str(tmp_path / 'out')!r}, '--device',"
    result, out, err = probed(
        f"[{call} 'gpu:5']), {call} 'gpu:2'])]",
        samples / "shapes.keras",
    )
    assert result == [2, 0]
    assert "--device gpu:5: there is no such device here; TensorFlow sees 3 GPUs" in err
    assert "06-cross.png" in out

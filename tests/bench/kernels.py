"""What the kernels cost: gradients with oneDNN's and without, eagerly and compiled.

`python -m tests.bench.kernels` prints the table, each figure from a process of its own. Eager
gradients with oneDNN are never taken by the tool: they corrupt memory, and some end the process.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .loops import saved
from .sizes import SMALL

SAMPLES, ROUNDS = 16, 5
RECURRENT = """
import keras, sys
from keras import layers
keras.utils.set_random_seed(0)
series = [keras.Input((100, 8)), layers.LSTM(32, return_sequences=True), layers.LSTM(32)]
keras.Sequential([*series, layers.Dense(4, "softmax")]).save(sys.argv[1] + "/recurrent.keras")
"""
MODELS = ("MobileNetV2", "ResNet50", "small", "table", "recurrent")
WAYS = (("eager", "0"), ("eager", "1"), ("compiled", "0"), ("compiled", "1"))
REASON = (
    "Few passes run eagerly without oneDNN: nothing is traced, and its eager operations are not to "
    "be trusted. Many passes run compiled with it: a pass is then the fastest, and compiled "
    "programs are right."
)


def table(folder):
    """Yield the lines of the table: seconds of the first pass, which traces, and of a later one."""
    folder = Path(folder)
    for script in (SMALL, RECURRENT):
        subprocess.run([sys.executable, "-c", script, folder], check=True, capture_output=True)
    for name in MODELS[:2]:
        saved(name, folder)
    heads = [f"{mode}, oneDNN {'on' if onednn == '1' else 'off'}" for mode, onednn in WAYS]
    yield f"| {SAMPLES} gradients, first pass / later passes, seconds | {' | '.join(heads)} |"
    yield "|---" * (len(WAYS) + 1) + "|"
    for name in MODELS:
        seconds = [measure(folder / f"{name}.keras", mode, onednn) for mode, onednn in WAYS]
        yield f"| {name} | {' | '.join(seconds)} |"
    yield ""
    yield REASON


def measure(path, mode, onednn):
    """Return the seconds of a process in words, or how it ended."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.kernels", path, mode],
        env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": onednn},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return f"the process ends with {done.returncode}"
    first, later = map(float, done.stdout.split())
    return f"{first:.2f} / {later:.3f}"


def main(path, mode):
    """Print the seconds of the first pass, and the median of later ones."""
    import keras
    import numpy as np
    import tensorflow as tf

    from inputgrad_cli.engine.adapter.tensorflow_startup import limit_threads

    limit_threads()
    model = keras.models.load_model(path, compile=False)

    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            score = tf.reduce_max(model(x, training=False), axis=1)
        return tape.gradient(score, x)

    shape = model.inputs[0].shape[1:]
    if mode == "compiled":
        gradient = tf.function(gradient, input_signature=[tf.TensorSpec((None, *shape))])
    x = tf.constant(np.random.default_rng(0).random((SAMPLES, *shape), np.float32))
    seconds = []
    for _ in range(1 + ROUNDS):
        began = time.perf_counter()
        gradient(x).numpy()
        seconds.append(time.perf_counter() - began)
    print(seconds[0], statistics.median(seconds[1:]))


if __name__ == "__main__":
    if sys.argv[1:]:
        main(*sys.argv[1:])
    else:
        with tempfile.TemporaryDirectory() as directory:
            for line in table(directory):
                print(line, flush=True)

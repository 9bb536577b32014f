"""A worker of `make bench`: takes the same gradients by our method or by the bare compiled loop.

`python -m tests.bench.loops MODEL METHOD|bare STEPS` builds the model, answers every line on stdin
with the seconds that STEPS gradients of a batch took, and ends with stdin.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

BATCH, SIDE = 16, 224


class Loop:
    """A worker in a process of its own, as TensorFlow's threads are set once a process."""

    def __init__(self, name, method, steps):
        command = [sys.executable, "-m", "tests.bench.loops", name, method, str(steps)]
        pipe = subprocess.PIPE
        self._child = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._child.communicate()

    def seconds(self):
        """Return the seconds of one run."""
        self._child.stdin.write("\n")
        self._child.stdin.flush()
        return float(self._child.stdout.readline())


def saved(name, folder):
    """Return the path of a network of `keras.applications` with drawn weights."""
    script = "import keras, sys; keras.utils.set_random_seed(0); "
    script += "getattr(keras.applications, sys.argv[1])("
    script += "weights=None, classifier_activation=None).save(sys.argv[2])"
    path = Path(folder) / f"{name}.keras"
    subprocess.run([sys.executable, "-c", script, name, str(path)], check=True, capture_output=True)
    return path


def bare(model, pictures, steps):
    """Return a call of the loop that people write: one compiled gradient, full batches."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((None, SIDE, SIDE, 3))])
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            score = model(x, training=False)[:, 0]
        return tape.gradient(score, x)

    def run():
        for _ in range(steps):
            gradient(tf.constant(pictures)).numpy()

    return run


def ours(path, method, pictures):
    """Return a call of our method on the same batch, in the mode of a long job."""
    from inputgrad_cli import api
    from inputgrad_cli.data.samples import Samples
    from inputgrad_cli.data.target_parser import parse_target
    from inputgrad_cli.explanation.batch_attribution import explain_batch
    from inputgrad_cli.explanation.request import ExplainRequest

    model = api.load(path, batch_size=BATCH, traced=True, folded=True)
    samples = Samples({model.signature.inputs[0].name: pictures}, many=True)
    model.calibrate(samples)
    question = ExplainRequest(api.parse_methods([method]), (parse_target("class:0"),))
    return lambda: explain_batch(model.engine, samples, question)


def main(name, method, steps):
    """Answer every line on stdin with the seconds of one run."""
    import numpy as np

    from inputgrad_cli.engine.adapter.captured_stderr import CapturedOutput
    from inputgrad_cli.engine.adapter.tensorflow_startup import import_keras

    import_keras(CapturedOutput())
    import keras

    pictures = np.random.default_rng(0).random((BATCH, SIDE, SIDE, 3), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = saved(name, folder)
        if method == "bare":
            run = bare(keras.models.load_model(path), pictures, steps)
        else:
            run = ours(path, method, pictures)
    for _ in sys.stdin:
        began = time.perf_counter()
        run()
        print(time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

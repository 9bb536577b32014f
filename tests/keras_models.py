"""Keras models made for tests, and the plain gradient that everything is held against."""

import numpy as np

from inputgrad_cli import api
from tests.modelfile.files import rewritten


def opened(path, batch_size=16, traced=False, code=()):
    """Return the engine of a model file."""
    return api.load(path, code=code, batch_size=batch_size, traced=traced)


def plain_gradient(model, inputs, scalar):
    """Return the gradient of `scalar(outputs, inputs)` as anybody would write it: the reference.

    Compiled where eager kernels cannot be trusted.
    """
    import tensorflow as tf

    from inputgrad_cli.engine.adapter.cpu_kernel_selection import make_safe

    def run(tensors):
        with tf.GradientTape() as tape:
            for tensor in tensors.values():
                tape.watch(tensor)
            fed = list(tensors.values())
            outputs = model(fed[0] if len(fed) == 1 else fed, training=False)
            total = tf.reduce_sum(scalar(outputs, fed))
        return tape.gradient(total, tensors)

    tensors = {name: tf.constant(array) for name, array in inputs.items()}
    results = make_safe(run, autograph=True)(tensors)
    return {name: g.numpy() for name, g in results.items()}


def in_float64(path, copy):
    """Write a copy of a model file whose layers compute in float64, and return its path."""

    def widen(node):
        if isinstance(node, list):
            return [widen(item) for item in node]
        if not isinstance(node, dict):
            return "float64" if node == "float32" else node
        return {key: widen(value) for key, value in node.items()}

    return rewritten(path, widen, copy)


def central_differences(f, inputs, eps=1e-5):
    """Return d f / d input by central differences in float64; `f(inputs) -> (B,)`."""
    result = {}
    for name, array in inputs.items():
        flat = array.reshape(len(array), -1)
        out = np.zeros_like(flat)
        for column in range(flat.shape[1]):
            ends = []
            for sign in (1, -1):
                moved = flat.copy()
                moved[:, column] += sign * eps
                ends.append(f({**inputs, name: moved.reshape(array.shape)}))
            out[:, column] = (ends[0] - ends[1]) / (2 * eps)
        result[name] = out.reshape(array.shape)
    return result


def steady(gradient, inputs):
    """Return which samples do not sit on a kink: their gradient stands a nudge of the input."""
    here, beside = gradient(inputs), gradient({n: a * (1 + 2e-7) for n, a in inputs.items()})
    keep = np.ones(len(next(iter(inputs.values()))), bool)
    for name in here:
        moved = np.abs(here[name] - beside[name]).reshape(len(keep), -1).max(axis=1)
        keep &= moved <= 1e-5 * np.abs(here[name]).reshape(len(keep), -1).max(axis=1)
    return keep


def worst(actual, expected):
    """Return the largest difference of any sample, in units of its map's largest value."""
    ratios = []
    for name, array in expected.items():
        size = np.abs(array).reshape(len(array), -1).max(axis=1)
        apart = np.abs(actual[name] - array).reshape(len(array), -1).max(axis=1)
        ratios.append(np.max(apart / np.maximum(size, 1e-30), initial=0.0))
    return max(ratios)

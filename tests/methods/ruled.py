"""Small Keras models for the backward rules, and what a method finds in them."""

import keras
import numpy as np

from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget, pin
from inputgrad_cli.data.samples import compute_keys
from inputgrad_cli.interfaces.method import Batch
from inputgrad_cli.methods import methods
from tests.small_networks import tape

layers = keras.layers
LRP = ("epsilon", "gamma", "alpha1-beta0", "z-plus", "deep-taylor", "composite")
FAMILY = ("guided-backprop", "deconvnet", "deeplift", *(f"lrp:rule={rule}" for rule in LRP))


def numbers(*shape, seed=0):
    """Return the same random numbers every time, float32."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def shaken(model, seed=1, bias=True):
    """Return the model with other weights everywhere, biases and statistics too."""
    for index, weight in enumerate(model.weights):
        drawn = numbers(*weight.shape, seed=seed + index) * 0.5
        if weight.path.endswith("variance"):
            drawn = np.abs(drawn) + 0.5
        if weight.dtype.startswith("float"):
            weight.assign(drawn * (bias or not weight.path.endswith("bias")))
    return model


def engine_of(model, inputs, **options):
    """Return an engine that has seen a sample."""
    engine = tape(model, **options)
    engine.calibrate(named(engine, inputs))
    return engine


def named(engine, inputs):
    """Return arrays by input name; one array, or a tuple in the order of the inputs."""
    given = inputs if isinstance(inputs, tuple) else (inputs,)
    ports = engine.signature.inputs
    return {p.name: np.asarray(a) for p, a in zip(ports, given, strict=True)}


def case_of(engine, inputs, baseline=None, unit=0, space="output", wrt=None):
    """Return the case of one unit; the baseline is zero where none is given."""
    arrays = named(engine, inputs)
    sites = tuple(engine.list_sites(wrt))
    points = engine.to_points(arrays, sites)
    base = {n: np.zeros_like(a) if n in sites else a for n, a in points.items()}
    if baseline is not None:
        base |= named(engine, baseline)
    choice = ResolvedTarget("", engine.signature.outputs[0].name, "units", space, terms=((unit,),))
    target = pin(choice, len(next(iter(arrays.values()))))
    return Batch(points, target, sites, base, compute_keys(arrays, 0))


def explain(text, model, inputs, traced=False, batch_size=16, **asked):
    """Return what the method that `text` writes finds."""
    return ask(
        text, engine_of(model, inputs, traced=traced, batch_size=batch_size), inputs, **asked
    )


def ask(text, engine, inputs, **asked):
    """Return what the method that `text` writes finds by an engine that has seen a sample."""
    return methods.build(text).attribute(engine, case_of(engine, inputs, **asked))


def values(text, model, inputs, **options):
    """Return what is found at the one site."""
    return next(iter(explain(text, model, inputs, **options).values.values()))


def plain(model, inputs, unit=0):
    """Return the gradient of a unit, by Keras and TensorFlow alone."""
    import tensorflow as tf

    x = tf.constant(inputs)
    with tf.GradientTape() as tape:
        tape.watch(x)
        score = tf.reduce_sum(model(x, training=False)[:, unit])
    return tape.gradient(score, x).numpy()


def dense(*widths, activation="relu", features=4, bias=True, last=None):
    """Return a network of dense layers."""
    model = keras.Sequential([keras.Input((features,))])
    for width in widths:
        model.add(layers.Dense(width, activation=activation))
    model.add(layers.Dense(2, activation=last))
    return shaken(model, bias=bias)

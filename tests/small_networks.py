"""Small Keras networks with weights by hand, and the engine and cases to ask methods about them."""

from collections import Counter
from dataclasses import replace

import numpy as np

from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget, pin
from inputgrad_cli.data.samples import compute_keys
from inputgrad_cli.interfaces.engine import EngineOptions
from inputgrad_cli.interfaces.method import Batch
from inputgrad_cli.numeric.array_helpers import count_rows
from tests.formula_engines import Wrapped


def tape(model, workers=0, **options):
    """Return the engine of a model in memory, run in that way."""
    from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
    from inputgrad_cli.engine.pass_setup import PassContext
    from inputgrad_cli.engine.tape_engine import TapeEngine

    return TapeEngine(PassContext(KerasAdapter(model), workers=workers), EngineOptions(**options))


def engine_of(model, inputs, batch_size=16, **options):
    """Return the engine of a model in memory, run in that way, settled on these inputs."""
    engine = tape(model, batch_size=batch_size, **options)
    engine.prepare()
    engine.calibrate(inputs)
    return engine


def engine_like(settled, **options):
    """Return an engine of the same model, run in another way, that knows what a sample showed."""
    from inputgrad_cli.engine.model_examination_facts import choose_mode
    from inputgrad_cli.engine.pass_setup import PassContext
    from inputgrad_cli.engine.tape_engine import TapeEngine

    known, engine_options = settled.runner.calibration, EngineOptions(**options)
    engine = TapeEngine(PassContext(settled.adapter), engine_options)
    mode = choose_mode(
        engine_options,
        is_stateful=engine.context.is_stateful,
        is_random=known.seed is not None,
        needs_graph=known.mode != "eager",
    )
    engine.runner = engine.runner.replace_calibration(replace(known, mode=mode))
    return engine


def network_case(engine, inputs, baseline=0.0, unit=0, seed=0):
    """Return the case of a batch for one unit of the first output; the baseline is one number."""
    named = {name: np.asarray(array, np.float32) for name, array in inputs.items()}
    head = engine.signature.outputs[0]
    target = pin(
        ResolvedTarget("auto", head.name, "units", "output", terms=((unit,),)), count_rows(named)
    )
    sites = tuple(engine.list_sites(None))
    base = {n: np.full_like(a, baseline) if n in sites else a for n, a in named.items()}
    scores = engine.compute_scores(named, target)
    axes = {site: (1, 2) for site in sites if named[site].ndim == 4}
    return Batch(named, target, sites, base, compute_keys(named, seed), 0.01, scores, {}, axes)


def input_gradients(engine, inputs):
    """Return the gradients of the first unit at all inputs."""
    asked = network_case(engine, inputs)
    return engine.compute_gradients(asked.inputs, asked.target, asked.sites)


COUNTED = (
    "compute_scores", "compute_gradients", "compute_layer", "to_points",
    "propagate_relevance", "compute_bias_gradients", "run_first_pass",
)  # fmt: skip


class Counting(Wrapped):
    """An engine that counts, by verb, for how many samples it was asked."""

    def __init__(self, engine):
        super().__init__(engine)
        self.asked, self.largest = Counter(), 0

    def ask(self, verb, inputs, *rest, **named):
        if verb in COUNTED:
            self.asked[verb] += count_rows(inputs)
            self.largest = max(self.largest, count_rows(inputs))
        return super().ask(verb, inputs, *rest, **named)


def pooled(maps, heads, shape, bias=0.0, axes=2):
    """Return convolution of size one (weights `maps`), ReLU, mean over places, dense `heads`."""
    import keras

    layers = keras.layers
    kind = {1: layers.Conv1D, 2: layers.Conv2D, 3: layers.Conv3D}[axes]
    pool = {
        1: layers.GlobalAveragePooling1D,
        2: layers.GlobalAveragePooling2D,
        3: layers.GlobalAveragePooling3D,
    }[axes]
    model = keras.Sequential(
        [
            layers.Input(shape, name="x"),
            kind(len(maps), 1, activation="relu", name="maps"),
            pool(),
            layers.Dense(len(heads[0]), name="y"),
        ]
    )
    kernel = np.reshape(np.asarray(maps, np.float32), (*(1,) * axes, shape[-1], len(maps)))
    model.get_layer("maps").set_weights([kernel, np.full(len(maps), bias, np.float32)])
    model.get_layer("y").set_weights(
        [np.asarray(heads, np.float32), np.zeros(len(heads[0]), np.float32)]
    )
    return model

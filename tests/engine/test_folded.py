"""Folded programs: weights as constants, small padded passes, shared by threads."""

import json
import subprocess
import sys
import threading

import numpy as np
import pytest

from inputgrad_cli import api
from inputgrad_cli.interfaces.method import methods
from tests.keras_models import steady
from tests.small_networks import engine_of, input_gradients, network_case, tape

SHAPE = (12, 12, 3)
JOB = """
import sys
from pathlib import Path
from inputgrad_cli.engine.opening import checked_model_load
from inputgrad_cli.runs import batch_explanation as compute
from inputgrad_cli.runs.planning.run_options import RunOptions
from inputgrad_cli.runs.planning.model_file_checks import check_run
from inputgrad_cli.runs.planning.run_plan import make_plan
from inputgrad_cli.runs.run_loop import Run

checked_model_load.share_cores = lambda place: 2  # whatever this machine has
inner, lanes = compute.explain_batch, []

def noted(engine, *asked, parallel):
    lanes.append(engine.parallel_calls if parallel else 0)
    return inner(engine, *asked, parallel=parallel)

compute.explain_batch = noted
model, pictures, out = sys.argv[1:]
methods = ("integrated-gradients:steps=32",)
fixed = {"batch_size": 4, "style": None}
options = RunOptions(Path(model), (pictures,), methods=methods, out=Path(out), **fixed)
list(Run(make_plan(check_run(options))).yield_events())
print(lanes)
"""


@pytest.fixture(scope="module")
def model():
    """Return convolutions with batch normalization, which constants let the compiler fold."""
    import keras

    keras.utils.set_random_seed(5)
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input(SHAPE, name="x"),
            layers.Conv2D(8, 3, use_bias=False),
            layers.BatchNormalization(moving_mean_initializer="normal", gamma_initializer="normal"),
            layers.ReLU(),
            layers.DepthwiseConv2D(3, padding="same"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax", name="y"),
        ]
    )


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(3).normal(size=(11, *SHAPE)).astype(np.float32)


def engine(model, x, **options):
    return engine_of(model, {"x": x[:1]}, batch_size=8, **options)


def gradients(tape_engine, x):
    return input_gradients(tape_engine, {"x": x})


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_folded_gradients_are_the_gradients(model, x, workers):
    plain = gradients(engine(model, x), x)
    folded = gradients(engine(model, x, folded=True, workers=workers), x)
    good = steady(lambda z: gradients(engine(model, x), z["x"]).values, {"x": x})
    near = 1e-5 * np.abs(plain.values["x"]).max()
    np.testing.assert_allclose(folded.values["x"][good], plain.values["x"][good], atol=near)
    np.testing.assert_allclose(folded.scores, plain.scores, rtol=1e-5)
    assert good.sum() >= 8


def test_whoever_stands_beside_a_sample_its_bits_are_the_same(model, x):
    tape_engine = engine(model, x, folded=True, workers=2)
    whole = gradients(tape_engine, x).values["x"]
    for rows in ([3], [10, 0], [5, 4, 3, 2, 1, 0, 6, 7, 8]):
        np.testing.assert_array_equal(gradients(tape_engine, x[rows]).values["x"], whole[rows])


def test_the_number_of_threads_changes_no_bit(model, x):
    """So that a worker with one core computes what a process with all of them does."""
    single, several = (engine(model, x, folded=True, workers=workers) for workers in (1, 3))
    assert single.runner.pass_size == several.runner.pass_size == 2
    np.testing.assert_array_equal(
        gradients(single, x).values["x"], gradients(several, x).values["x"]
    )


def test_threads_share_small_passes(model, x):
    tape_engine = engine(model, x, folded=True, workers=2)
    assert tape_engine.batch_size == 8
    assert [real for _, real in tape_engine.runner.split_into_passes(11)] == [2, 2, 2, 2, 2, 1]
    alone = engine(model, x, folded=True)
    assert [real for _, real in alone.runner.split_into_passes(11)] == [8, 3]


def test_methods_and_first_passes_work_folded(model, x):
    tape_engine = engine(model, x, folded=True, workers=2)
    plain = engine(model, x)
    rounding = np.abs(gradients(plain, x[:3]).scores).max()
    for name in ("integrated-gradients:steps=5", "grad-cam", "deeplift", "occlusion:window=6"):
        method = methods.build(name)
        result, expected = (
            method.attribute(e, network_case(e, {"x": x[:3]}, baseline=0.1)).values
            for e in (tape_engine, plain)
        )
        for site, array in expected.items():
            # Occlusion gives differences of scores, which are rounded as the scores are.
            near = 1e-4 * np.abs(array).max() + 1e-6 * rounding
            np.testing.assert_allclose(result[site], array, rtol=0, atol=near)


def test_an_error_in_a_thread_is_the_callers(model, x):
    tape_engine = engine(model, x, folded=True, workers=2)
    with pytest.raises(ValueError, match="broken"):
        tape_engine.runner.map_passes(11, broken)


def broken(rows, real):
    raise ValueError("broken")


def test_a_layer_is_read_by_one_thread_at_a_time(model, x):
    tape_engine, plain = engine(model, x, folded=True, workers=2), engine(model, x)
    tap = next(f"layer:{layer.name}" for layer in model.layers if "depthwise" in layer.name)
    expected = plain.to_points({"x": x}, [tap])[tap]
    for _ in range(20):
        np.testing.assert_allclose(tape_engine.to_points({"x": x}, [tap])[tap], expected, atol=1e-5)


def test_a_model_that_draws_runs_in_one_thread():
    import keras

    class Noisy(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.seeds = keras.random.SeedGenerator(1)

        def call(self, z):
            return z + keras.random.normal(keras.ops.shape(z), seed=self.seeds)

    noisy = keras.Sequential([keras.layers.Input(SHAPE, name="x"), Noisy(), keras.layers.Flatten()])
    z = np.ones((5, *SHAPE), np.float32)
    tape_engine = engine(noisy, z, folded=True, workers=2)
    threads = set()
    tape_engine.runner.map_passes(5, lambda rows, real: threads.add(threading.current_thread()))
    assert threads == {threading.current_thread()}
    first, second = (gradients(tape_engine, z) for _ in range(2))
    np.testing.assert_array_equal(first.scores, second.scores)


def test_models_with_states_are_not_folded():
    import keras

    layers = keras.layers
    stateful = keras.Sequential(
        [layers.Input(batch_shape=(2, 4, 3), name="x"), layers.LSTM(3, stateful=True)]
    )
    tape_engine = tape(stateful, folded=True, workers=2)
    assert tape_engine.mode == "traced"
    assert tape_engine.runner.pass_size == 2


def test_loading_for_a_long_job_folds(samples):
    model = api.load(samples / "shapes.keras", folded=True)
    assert model.engine.mode == "folded"
    picture = samples / "inputs" / "shapes" / "06-cross.png"
    attribution = api.explain(model, picture, method="integrated-gradients")
    plain = api.explain(samples / "shapes.keras", picture, method="integrated-gradients")
    a, b = (result.values["picture"] for result in (attribution, plain))
    np.testing.assert_allclose(a, b, rtol=0, atol=0.02 * np.abs(b).max())
    assert attribution.metadata["checks"]["completeness"]["ok"]


def test_batches_that_are_computed_at_a_time_go_through_their_chunks_in_turn(samples, tmp_path):
    words = (samples / "shapes.keras", samples / "inputs" / "shapes", tmp_path / "out")
    process = subprocess.run(
        [sys.executable, "-c", JOB, *map(str, words)], check=True, capture_output=True, text=True
    )
    first, *later = json.loads(process.stdout)
    assert first == 2
    assert len(later) >= 2
    assert set(later) == {0}

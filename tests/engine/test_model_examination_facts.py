"""The facts that a sample revealed are frozen, and a runner is built from them, never changed."""

import ast
from dataclasses import FrozenInstanceError
from pathlib import Path

import keras
import numpy as np
import pytest

import inputgrad_cli
from inputgrad_cli.engine.adapter.cpu_kernel_selection import must_compile
from inputgrad_cli.engine.model_examination_facts import Calibration, choose_mode
from inputgrad_cli.interfaces.engine import EngineOptions
from tests.small_networks import engine_of, input_gradients, tape

L = keras.layers
X = {"x": np.random.default_rng(2).normal(size=(5, 4)).astype(np.float32)}
EAGER = "traced" if must_compile() else "eager"


def dense():
    return keras.Sequential(
        [keras.Input((4,), name="x"), L.Dense(3, "tanh", name="hidden"), L.Dense(2, name="y")]
    )


class Noisy(L.Layer):
    def __init__(self):
        super().__init__()
        self.seeds = keras.random.SeedGenerator(1)

    def call(self, x):
        return x + keras.random.normal(keras.ops.shape(x), seed=self.seeds)


class Positions(L.Layer):
    """Adds rows that belong to positions, whatever the samples are."""

    def __init__(self):
        super().__init__()
        self.table = L.Embedding(4, 3, name="table")

    def call(self, x):
        return x[..., None] * self.table(keras.ops.arange(4))


def noisy():
    return keras.Sequential([keras.Input((4,), name="x"), Noisy(), L.Dense(2, name="y")])


def build_positioned():
    x = keras.Input((4,), name="x")
    return keras.Model(x, L.Dense(2, name="y")(L.Flatten()(Positions()(x))))


def test_nothing_outside_writes_to_a_runner_or_its_facts():
    """Whoever learns more builds a new runner; a spy of the tests may replace a method."""
    wrong = []
    for path in Path(inputgrad_cli.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                owner = ast.unparse(node.value).rpartition(".")[2].strip("_")
                if owner in ("runner", "calibration", "context"):
                    wrong.append(f"{path.name}:{node.lineno}: {ast.unparse(node)}")
    assert wrong == []


def test_a_sample_gives_a_new_runner_and_leaves_the_old_one():
    engine = tape(dense())
    first = engine.runner
    engine.calibrate(X)
    assert first.calibration.heads == ()
    assert [head.name for head in engine.runner.calibration.heads] == ["y"]
    with pytest.raises(FrozenInstanceError):
        engine.runner.calibration.seed = 1


def test_programs_and_sizes_outlive_a_second_sample():
    """A target in a hidden layer is calibrated again, which must not trace everything again."""
    engine = engine_of(dense(), X, traced=True)
    before = input_gradients(engine, X)
    programs = dict(engine.runner.programs)
    engine.resize(3)
    engine.prepare(layers=("layer:hidden",))
    engine.calibrate(X)
    after = input_gradients(engine, X)
    assert programs
    assert engine.runner.programs == programs
    assert engine.batch_size == 3
    assert [head.name for head in engine.signature.layers] == ["layer:hidden"]
    np.testing.assert_allclose(after.values["x"], before.values["x"], rtol=1e-5)


@pytest.mark.parametrize("mode", ["eager", "traced", "folded"])
def test_a_seed_is_kept_for_layers_that_draw_alone(mode):
    still, drawing = tape(dense(), **{mode: True} if mode != "eager" else {}), tape(noisy())
    for engine in (still, drawing):
        engine.prepare(seed=7)
        engine.calibrate(X)
    assert still.runner.calibration.seed is None
    assert drawing.runner.calibration.seed == 7
    assert drawing.batch_size == 1


def test_another_seed_draws_other_numbers_and_the_same_one_the_same():
    engine = tape(noisy())
    scores = []
    for seed in (7, 8, 7):
        engine.prepare(seed=seed)
        engine.calibrate(X)
        scores.append(input_gradients(engine, X).scores)
    np.testing.assert_array_equal(scores[0], scores[2])
    assert np.abs(scores[0] - scores[1]).min() > 1e-3


def test_a_tap_without_a_batch_axis_makes_a_runner_of_single_samples():
    engine = engine_of(build_positioned(), X)
    before, tap = engine.runner, "layer:positions/table"
    assert engine.to_points(X, [])["x"].shape == (5, 4)
    assert engine.runner is before
    points = engine.to_points(X, [tap])
    assert points[tap].shape == (5, 4, 3)
    assert engine.runner.calibration.flat_taps == {tap}
    assert (before.batch_size, engine.batch_size) == (16, 1)
    assert engine.to_points(X, [tap])[tap].shape == (5, 4, 3)


@pytest.mark.skipif(must_compile(), reason="such a model is refused while kernels need a graph")
def test_what_cannot_be_compiled_is_not_tried_again_for_a_second_sample():
    class Measuring(L.Layer):
        def call(self, x):
            return x * float(np.asarray(keras.ops.max(keras.ops.abs(x))) > 0)

        def compute_output_spec(self, x):
            return keras.KerasTensor(x.shape, x.dtype)

    engine = engine_of(
        keras.Sequential([keras.Input((4,), name="x"), Measuring(), L.Dense(2, name="y")]),
        X,
        traced=True,
    )
    input_gradients(engine, X)
    assert (engine.mode, list(engine.notes)) == ("eager", ["eager"])
    engine.calibrate(X)
    assert (engine.mode, list(engine.notes)) == ("eager", ["eager"])


@pytest.mark.parametrize(
    ("options", "facts", "mode"),
    [
        ({}, {}, EAGER),
        ({}, {"needs_graph": True}, "traced"),
        ({"traced": True}, {}, "traced"),
        ({"traced": True}, {"is_random": True}, EAGER),
        ({"traced": True}, {"is_random": True, "needs_graph": True}, "traced"),
        ({"folded": True}, {}, "folded"),
        ({"folded": True}, {"is_stateful": True}, "traced"),
        ({"folded": True}, {"is_random": True}, EAGER),
        ({"folded": True}, {"needs_graph": True}, "folded"),
    ],
)
def test_the_mode_follows_from_the_request_the_layers_and_the_kernels(options, facts, mode):
    assert choose_mode(EngineOptions(**options), **{"is_stateful": False, **facts}) == mode


@pytest.mark.parametrize(
    ("facts", "single"),
    [
        ({}, False),
        ({"notes": {"eager": "it runs eagerly"}}, False),
        ({"notes": {"random": "a layer draws"}, "seed": 0}, True),
        ({"notes": {"batch": "samples are mixed"}}, True),
        ({"flat_taps": frozenset({"layer:position"})}, True),
    ],
)
def test_samples_run_one_by_one_where_others_would_change_them(facts, single):
    assert Calibration(**facts).needs_single_samples is single

"""Passes for which memory is too short are made smaller, and done again."""

import threading

import numpy as np
import pytest

from inputgrad_cli import api
from inputgrad_cli.engine.tensorflow_error_conversion import as_item_errors
from inputgrad_cli.errors import ItemError
from inputgrad_cli.numeric.array_helpers import count_rows
from tests.small_networks import network_case, tape

MODES = {
    "eager": {},
    "padded": {"padded": True},
    "traced": {"traced": True},
    "folded": {"folded": True},
    "threads": {"folded": True, "workers": 2},
}


def network(largest, real=False, **options):
    """Return the engine of a model that runs out of memory above a number of samples.

    With `real` it asks for a petabyte, and TensorFlow waits ten seconds for that to become free.
    """
    import keras
    import tensorflow as tf

    def full(rows):
        if rows > largest:
            raise MemoryError  # which TensorFlow makes a ResourceExhaustedError of
        return np.float32(0)

    class Hungry(keras.layers.Layer):
        def call(self, inputs):
            rows = tf.shape(inputs)[0]
            if not real:
                nothing = tf.numpy_function(full, [rows], tf.float32)
                return inputs + tf.reshape(nothing, ())
            times = tf.where(rows > largest, tf.constant(1 << 50, tf.int64), 1)
            waste = tf.tile(tf.stop_gradient(inputs)[:1, :1], [1, times])
            return inputs + 0.0 * waste[:, :1]

    keras.utils.set_random_seed(2)
    layers = [
        keras.layers.Input((6,), name="x"),
        keras.layers.Dense(5, "tanh"),
        Hungry(name="hungry"),
    ]
    model = keras.Sequential([*layers, keras.layers.Dense(3, name="y")])
    return tape(model, **options)


def settled(engine, x):
    engine.prepare()
    engine.calibrate({"x": x[:1]})
    return engine


def gradients(engine, x):
    case = network_case(engine, {"x": x})
    return engine.compute_gradients(case.inputs, case.target, case.sites)


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(19, 6)).astype(np.float32)


@pytest.mark.parametrize("mode", MODES)
def test_a_pass_that_is_too_large_is_halved_and_done_again(mode, x):
    engine = settled(network(largest=2, batch_size=16, **MODES[mode]), x)
    plain = settled(network(largest=99, batch_size=16), x)
    seen = sizes_of(engine)
    values, expected = gradients(engine, x), gradients(plain, x)
    np.testing.assert_allclose(values.values["x"], expected.values["x"], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(values.scores, expected.scores, rtol=1e-5)
    assert engine.runner.pass_size == 2
    assert list(engine.notes) == ["memory"]
    seen.clear()
    gradients(engine, x)
    assert max(seen) == 2
    assert not plain.notes


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["eager", "traced", "folded"])
def test_memory_that_is_really_not_there(mode, x):
    engine = settled(network(largest=8, real=True, batch_size=16, **MODES[mode]), x)
    values = gradients(engine, x)
    assert values.values["x"].shape == x.shape
    assert engine.runner.pass_size == 8


def sizes_of(engine):
    """Return a list that fills with the size of each pass that is run."""
    seen, run = [], engine.runner.run

    def spied(key, make, arrays, pins):
        seen.append(count_rows(arrays))
        return run(key, make, arrays, pins)

    engine.runner.run = spied
    return seen


def test_what_was_done_before_is_not_done_again(x):
    engine = settled(network(largest=99, batch_size=4), x)
    done = []

    def work(rows, real):
        if len(rows) == 4 and 8 in rows:
            raise ItemError("full", kind="memory")
        done.append([int(row) for row in rows[:real]])
        return len(done)

    engine.runner.map_passes(13, work)
    assert done == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9], [10, 11], [12]]


def test_full_passes_stay_full_when_they_are_smaller(x):
    engine = settled(network(largest=99, batch_size=4, padded=True), x)
    records = []

    def work(rows, real):
        if len(rows) > 2:
            raise ItemError("full", kind="memory")
        records.append((rows.tolist(), real))

    engine.runner.map_passes(3, work)
    assert records == [([0, 1], 2), ([2, 2], 1)]


def test_threads_that_find_out_together_halve_once(x):
    engine = settled(network(largest=99, batch_size=16, folded=True, workers=2), x)
    both = threading.Barrier(2)

    def work(rows, real):
        if len(rows) == 4:
            both.wait(10)
            raise ItemError("full", kind="memory")
        return rows[:real].tolist()

    results = engine.runner.map_passes(8, work)
    assert results == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert engine.runner.pass_size == 2
    assert engine.batch_size == 8


def test_old_traces_are_let_go(x):
    engine = settled(network(largest=2, batch_size=8, folded=True), x)
    gradients(engine, x)
    assert {rows for _, rows in engine.runner.programs} == {2}


def test_one_sample_that_does_not_fit_is_told_in_a_sentence(x):
    engine = network(largest=0, batch_size=8)
    with pytest.raises(ItemError) as caught:
        settled(engine, x)
    assert caught.value.kind == "memory"
    engine = settled(network(largest=99, batch_size=8), x)
    seen = []

    def work(rows, real):
        seen.append(len(rows))
        raise ItemError("full", hint="buy some", kind="memory")

    with pytest.raises(ItemError, match="full"):
        engine.runner.map_passes(8, work)
    assert seen == [8, 4, 2, 1]


def test_a_model_of_a_fixed_batch_cannot_be_given_less(x):
    import keras

    layers = keras.layers
    model = keras.Sequential([layers.Input(batch_shape=(4, 6), name="x"), layers.Dense(2)])
    engine = settled(tape(model), x)

    def work(rows, real):
        raise ItemError("full", kind="memory")

    with pytest.raises(ItemError, match="the model takes 4 samples at a time"):
        engine.runner.map_passes(8, work)
    assert not engine.notes


def test_other_faults_are_not_tried_again(x):
    engine = settled(network(largest=99, batch_size=8), x)
    seen = []

    def work(rows, real):
        seen.append(len(rows))
        raise ItemError("odd", kind="compute")

    with pytest.raises(ItemError, match="odd"):
        engine.runner.map_passes(8, work)
    assert seen == [8]


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("ResourceExhaustedError", "OOM when allocating tensor with shape[9,9]", "memory"),
        ("InternalError", "Failed call: CUDA_ERROR_OUT_OF_MEMORY: out of memory", "memory"),
        ("UnknownError", "CUDNN_STATUS_ALLOC_FAILED", "memory"),
        ("InternalError", "a ROOM of its own", "compute"),
    ],
)
def test_a_full_gpu_speaks_in_several_ways(name, text, kind):
    import tensorflow as tf

    with pytest.raises(ItemError) as caught, as_item_errors():
        raise getattr(tf.errors, name)(None, None, text)
    assert caught.value.kind == kind


def test_what_fails_in_a_compiled_program_is_told_by_its_cause_not_its_place():
    import tensorflow as tf

    @tf.function
    def reach(x, index):
        return x[index]

    with pytest.raises(ItemError) as caught, as_item_errors():
        reach(tf.zeros(3), tf.constant(7))
    assert "no index 7" in caught.value.reason


def test_an_array_that_numpy_has_no_room_for_is_told_too():
    with pytest.raises(ItemError, match="does not fit into memory"), as_item_errors():
        raise MemoryError("Unable to allocate 1 PiB")


def test_taps_are_lifted_in_smaller_passes_too(x):
    engine = settled(network(largest=2, batch_size=8), x)
    lifted = engine.to_points({"x": x}, ["layer:hungry"])
    assert lifted["layer:hungry"].shape == (19, 5)
    assert engine.runner.pass_size == 2


@pytest.mark.parametrize("method", ["integrated-gradients:steps=9", "grad-cam", "smoothgrad"])
def test_methods_do_not_notice(method, samples, monkeypatch):
    from inputgrad_cli.engine.pass_runner import Runner

    model, plain = (api.load(samples / "shapes.keras", batch_size=16) for _ in range(2))
    run = Runner.run

    def small(runner, key, make, arrays, pins):
        if runner.adapter is model.engine.adapter and count_rows(arrays) > 3:
            raise ItemError("full", kind="memory")
        return run(runner, key, make, arrays, pins)

    monkeypatch.setattr(Runner, "run", small)
    picture = samples / "inputs" / "shapes" / "06-cross.png"
    attribution, expected = (
        api.explain(opened, picture, method=method) for opened in (model, plain)
    )
    for site, array in expected.values.items():
        near = 1e-4 * np.abs(array).max()
        np.testing.assert_allclose(attribution.values[site], array, rtol=0, atol=near)
    assert method == "grad-cam" or "memory" in model.engine.notes

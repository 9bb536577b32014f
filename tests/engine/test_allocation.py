"""What Keras is about to allocate is counted before it is: nothing large is ever made here."""

import contextlib
import gc

import keras
import numpy as np
import pytest
from keras import layers, ops

from inputgrad_cli.engine.adapter.graph_memory_check import refuse_large_graph
from inputgrad_cli.engine.opening.memory_allocation_limit import (
    count_allocations,
    refuse_large_model,
    refuse_unrolled,
)
from inputgrad_cli.errors import ItemError, ModelError
from inputgrad_cli.machine import process_memory_limit
from inputgrad_cli.machine.memory_and_core_limits import read_held_memory
from inputgrad_cli.modelfile.memory_limits import HARMLESS_BYTES

ROOM = 200 << 20
HUGE = 2_000_000_000


@pytest.fixture(autouse=True)
def _bounded():
    """Let no test take more than 2 GB, should nothing be counted."""
    with process_memory_limit.limit_memory("auto"):
        process_memory_limit._set_data_limit(read_held_memory().data + (2 << 30))
        yield


@pytest.fixture
def room(monkeypatch):
    """Let the process hold 200 MB more than it does."""
    held = process_memory_limit.Allowance(
        process_memory_limit.measure_resident() + ROOM, "--max-memory of this test"
    )
    monkeypatch.setattr(process_memory_limit._Process, "allowance", held)


def functional(shape, *functions, dtype="float32", batch=None):
    """Return a model: layers, or functions of a tensor, one after another."""
    tensor = entry = keras.Input(shape, dtype=dtype, batch_size=batch, name="x")
    for function in functions:
        tensor = function(tensor)
    return keras.Model(entry, tensor)


def attend(layer):
    return lambda tensor: layer(tensor, tensor)


def grown(node, numbers):
    """Return a configuration with its numbers changed."""
    if isinstance(node, dict):
        return {key: grown(v, numbers) for key, v in node.items() if key != "build_config"}
    if isinstance(node, (list, tuple)):
        return [grown(item, numbers) for item in node]
    return numbers.get(node, node) if type(node) is int else node


def pooled():
    return layers.GlobalAveragePooling1D()


WIDE = {13: 100_000, 17: 30_000}
CELLS = {13: 1_000_000, 17: 750}
PICTURE = (5, 7, 1)
VARIABLES = {
    "dense": (lambda: functional((11,), layers.Dense(17)), {17: HUGE}),
    "float64": (lambda: functional((11,), layers.Dense(17, dtype="float64")), {17: 3_000_000}),
    "half": (lambda: functional((11,), layers.Dense(17, dtype="mixed_float16")), {17: HUGE}),
    "embedding": (lambda: functional((5,), layers.Embedding(11, 13), dtype="int32"), {11: HUGE}),
    "flattened": (
        lambda: functional((11, 13), layers.Flatten(), layers.Dense(17)),
        {11: 100, 13: 1000, 17: 30_000, 143: 100_000},
    ),
    "pooled": (lambda: functional((2, 13), pooled(), layers.Dense(17)), WIDE),
    "each step": (lambda: functional((2, 13), layers.TimeDistributed(layers.Dense(17))), WIDE),
    "einsum": (lambda: functional((13,), layers.EinsumDense("ab,bc->ac", 17)), WIDE),
    "lstm": (lambda: functional((2, 13), layers.LSTM(17)), CELLS),
    "gru cell": (lambda: functional((2, 13), layers.RNN(layers.GRUCell(17))), CELLS),
    "stacked cells": (
        lambda: functional((2, 13), layers.RNN([layers.SimpleRNNCell(3), layers.LSTMCell(17)])),
        {17: 100_000},
    ),
    "both ways": (lambda: functional((2, 13), layers.Bidirectional(layers.LSTM(17))), CELLS),
    "conv-lstm": (lambda: functional((2, 4, 4, 1), layers.ConvLSTM2D(17, 3)), {17: 10_000}),
    "depthwise": (
        lambda: functional((4, 4, 1), layers.SeparableConv2D(3, 3, depth_multiplier=17)),
        {17: HUGE},
    ),
    "transposed": (lambda: functional((4, 13), layers.Conv1DTranspose(17, 3)), WIDE),
    "grouped attention": (
        lambda: functional((4, 5), attend(layers.GroupQueryAttention(17, 2, 1))),
        {17: 50_000_000},
    ),
    "attention's output": (
        lambda: functional((4, 5), attend(layers.MultiHeadAttention(2, 3, output_shape=17))),
        {17: 500_000_000},
    ),
    "normalization": (lambda: functional((13,), layers.BatchNormalization()), {13: 25_000_000}),
    "spectral": (
        lambda: functional((11,), layers.SpectralNormalization(layers.Dense(17))),
        {17: HUGE},
    ),
    "nested": (lambda: functional((11,), functional((11,), layers.Dense(17))), {17: HUGE}),
    "sequential": (lambda: keras.Sequential([keras.Input((11,)), layers.Dense(17)]), {17: HUGE}),
    "shared": (lambda: shared_twice(), {17: 8000}),
}


def shared_twice():
    entry, layer = keras.Input((17,)), layers.Dense(17)
    return keras.Model(entry, layer(layer(entry)))


def long(**changes):
    return {13: 300_000_000, **changes}


ACTIVATIONS = {
    "repeat": (lambda: functional((11,), layers.RepeatVector(13)), long()),
    "up-sampling": (lambda: functional(PICTURE, layers.UpSampling2D(13)), {13: 9300}),
    "resizing": (lambda: functional(PICTURE, layers.Resizing(13, 17)), {13: 55_000, 17: 55_000}),
    "padding": (lambda: functional(PICTURE, layers.ZeroPadding2D(13)), {13: 20_000}),
    "codes": (lambda: functional((3,), layers.CategoryEncoding(13), dtype="int32"), {13: HUGE}),
    "broadcast": (lambda: functional((11,), lambda x: ops.broadcast_to(x, (13, 11))), long()),
    "padded": (
        lambda: functional((11,), lambda x: ops.pad(x, ((0, 0), (0, 13)))),
        {13: HUGE},
    ),
    "one-hot": (lambda: functional((11,), lambda x: ops.one_hot(x, 13), dtype="int32"), long()),
    "tile": (lambda: functional((11,), lambda x: ops.tile(x, (1, 13))), long()),
    "repeated": (lambda: functional((11,), lambda x: ops.repeat(x, 13, axis=1)), long()),
    "fixed batch": (lambda: functional((8,), layers.ReLU(), batch=19), {19: 300_000_000}),
    "input": (lambda: functional((13, 17, 3), layers.ReLU()), {13: 33_000, 17: 33_000}),
    "nested": (lambda: functional((11,), functional((11,), layers.RepeatVector(13))), long()),
    "each step": (
        lambda: functional((2, 11), layers.TimeDistributed(layers.RepeatVector(13))),
        long(),
    ),
}


def rebuilt(make, numbers):
    """Return a model made anew from its configuration, with other numbers in it."""
    model = make()
    return type(model).from_config(grown(model.get_config(), numbers))


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_is_refused_before_it_is_allocated(name, room):
    with pytest.raises(ModelError) as caught, refuse_large_model("m.keras", None):
        rebuilt(*VARIABLES[name])
    assert "does not fit into memory" in caught.value.message
    assert "variable '" in caught.value.reason
    assert "--max-memory" in caught.value.format_line()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_what_a_layer_gives_is_refused_before_it_is_computed(name, room):
    with (
        pytest.raises(ModelError, match="a tensor of shape") as caught,
        refuse_large_model("m.keras", None),
    ):
        rebuilt(*ACTIVATIONS[name])
    assert caught.value.kind == "memory"


@pytest.mark.parametrize("name", VARIABLES)
def test_variables_that_the_file_lacks_are_refused_whatever_the_memory(name, monkeypatch):
    held = process_memory_limit.Allowance(1 << 50, "plenty")
    monkeypatch.setattr(process_memory_limit._Process, "allowance", held)
    with (
        pytest.raises(ModelError, match="more weights than it holds") as caught,
        refuse_large_model("m.keras", 1000),
    ):
        rebuilt(*VARIABLES[name])
    assert caught.value.kind == "unsafe"
    assert process_memory_limit.measure_resident() < held.max_bytes


def test_the_sentence_names_layer_shape_bytes_and_option(room):
    with pytest.raises(ModelError) as caught, refuse_large_model("m.keras", None):
        rebuilt(lambda: functional((11,), layers.RepeatVector(13, name="again")), {13: 300_000_000})
    for word in ("layer 'again' (RepeatVector)", "(any, 300000000, 11)", "13,200,000,000 bytes"):
        assert word in caught.value.reason


@pytest.mark.parametrize("name", {**VARIABLES, **ACTIVATIONS})
def test_as_many_bytes_are_counted_as_the_variables_take(name):
    """Fails where Keras makes variables or tensors in another way than by what is watched."""
    make, _ = {**VARIABLES, **ACTIVATIONS}[name]
    config, kind = make().get_config(), type(make())
    with count_allocations(None) as counter:
        seen = []
        counter.check_tensor = lambda shape, dtype: seen.append(shape)
        model = kind.from_config(config)
    held = sum(np.asarray(v).nbytes for v in model.variables)
    # Bidirectional builds the layer that it copies too.
    assert held <= counter.total <= (1.5 * held if name == "both ways" else held)
    assert tuple(model.inputs[0].shape) in seen
    assert tuple(model.outputs[0].shape) in seen


def test_a_refusal_that_keras_swallows_is_told_all_the_same(room):
    with (
        pytest.raises(ModelError, match="does not fit"),
        refuse_large_model("m.keras", None),
        contextlib.suppress(MemoryError),
    ):
        rebuilt(*VARIABLES["dense"])


def test_other_threads_are_not_counted(room):
    from concurrent.futures import ThreadPoolExecutor

    with count_allocations(0) as counter, ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: functional((11,), layers.Dense(17))).result()
    assert counter.total == 0


def test_keras_is_as_it_was_when_the_model_is_open():
    before = vars(keras.Variable).get("_validate_shape"), keras.KerasTensor.__init__
    with count_allocations(None):
        assert keras.KerasTensor.__init__ is not before[1]
    assert (vars(keras.Variable).get("_validate_shape"), keras.KerasTensor.__init__) == before


def test_small_models_may_lack_their_weights():
    with refuse_large_model("m.keras", 0):
        model = functional((8,), layers.Dense(HARMLESS_BYTES // 64))
    assert model.count_params()
    del model
    gc.collect()


GRAPHS = {
    "scores": lambda x: ops.matmul(ops.transpose(x), x),
    "diagonal": lambda x: ops.diagflat(x),
    "inside": lambda x: ops.sum(ops.outer(x, x)),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_traced_program_is_refused_before_it_runs(name, room):
    import tensorflow as tf

    spec = tf.TensorSpec((1, 20_000), "float32")
    graph = tf.function(GRAPHS[name]).get_concrete_function(spec).graph
    with pytest.raises(ItemError, match="20000, 20000") as caught:
        refuse_large_graph(graph)
    assert caught.value.kind == "memory"
    assert "--max-memory" in caught.value.hint


def test_rows_of_a_pass_count_where_the_first_axis_is_open(room):
    import tensorflow as tf

    spec = tf.TensorSpec((None, 1000), "float32")
    graph = tf.function(lambda x: x * 2).get_concrete_function(spec).graph
    refuse_large_graph(graph, rows=1000)
    with pytest.raises(ItemError, match="400,000,000 bytes"):
        refuse_large_graph(graph, rows=100_000)


def test_tensors_without_end_are_refused():
    def split(tensor):
        return ops.split(tensor, 13, axis=1)[0]

    with pytest.raises(ModelError, match="has no end"), refuse_large_model("m.keras", None):
        rebuilt(lambda: functional((13,), split), {13: 300_000})


def test_nothing_orthogonal_is_drawn_for_weights_that_the_file_has():
    def make():
        return functional((13,), layers.Dense(13, kernel_initializer="orthogonal"))

    with refuse_large_model("m.keras", None):
        model = rebuilt(make, {13: 2000})
    assert not np.asarray(model.variables[0]).any()
    assert np.asarray(make().variables[0]).any()


@pytest.mark.parametrize(
    "layer",
    [lambda: layers.TimeDistributed(layers.ReLU()), lambda: layers.SimpleRNN(2, unroll=True)],
    ids=["time-distributed", "unrolled"],
)
def test_steps_without_end_are_refused(layer, monkeypatch):
    monkeypatch.setattr("inputgrad_cli.engine.opening.memory_allocation_limit.MAX_STEPS", 6)
    refuse_unrolled("m.keras", functional((6, 2), layer()))
    refuse_unrolled("m.keras", functional((None, 2), layers.TimeDistributed(layers.ReLU())))
    with pytest.raises(ModelError, match="takes 7 steps"):
        refuse_unrolled("m.keras", functional((7, 2), layer()))
    with pytest.raises(ModelError, match="takes 7 steps"):
        refuse_unrolled("m.keras", keras.Sequential([keras.Input((7, 2)), layer()]))

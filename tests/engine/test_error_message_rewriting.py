"""What TensorFlow raises is told in words: the layer, the shapes, no marks of its own."""

import re

import numpy as np
import pytest

from inputgrad_cli.errors import ItemError
from inputgrad_cli.interfaces.engine import EngineOptions

pytestmark = pytest.mark.filterwarnings("ignore")
RAW = re.compile(r"\{\{|\[Op:|__wrapped__|__inference|/job:|NodeDef|function_node|\\x1b|Traceback")

PYTHON = ("key", "name", "attribute", "zero")


def ones(*shape):
    return np.ones(shape, np.float32)


def lamb(function):
    """Return a model whose Lambda `bad` computes what the function gives."""
    import keras
    from keras import layers

    x = keras.Input((3,))
    return keras.Model(x, layers.Lambda(function, output_shape=(3,), name="bad")(x))


def line(*inner, width=4):
    """Return a model of series of any length."""
    import keras

    return keras.Sequential([keras.Input((None, width)), *inner])


def pair(layer):
    """Return a model of two series of any length that one layer brings together."""
    import keras
    from keras import layers

    a, b = keras.Input((None, 4), name="a"), keras.Input((None, 4), name="b")
    return keras.Model([a, b], layers.Flatten()(layer([a, b])))


def of_series():
    """Return by name a model, an input that it cannot compute, and words that the reason holds."""
    import keras
    from keras import layers

    flat = layers.GlobalAveragePooling1D
    ids = [keras.Input((3,), dtype="int32"), layers.Embedding(5, 2, name="bad"), flat()]
    inner = keras.Sequential([keras.Input((None, 4)), layers.Conv1D(4, 8, name="bad")])
    unlike = {"a": ones(1, 3, 4), "b": ones(1, 5, 4)}
    return {
        "conv": (line(layers.Conv1D(4, 8, name="bad"), flat()), ones(1, 3, 4), "too small"),
        "nested": (line(inner, flat()), ones(1, 3, 4), "too small"),
        "reshape": (line(layers.Reshape((2, 6), name="bad")), ones(1, 5, 4), "2"),
        "ids": (keras.Sequential(ids), np.array([[1, 7, 2]]), "rows are 0 to 4"),
        "add": (pair(layers.Add(name="bad")), unlike, "(1, 5, 4)"),
        "concat": (pair(layers.Concatenate(name="bad")), unlike, "(1, 5, 4)"),
        "dot": (pair(layers.Dot(axes=1, name="bad")), unlike, "(1, 5, 4)"),
    }  # fmt: skip


def of_lambdas():
    """Return the same for operations of TensorFlow's, each in a Lambda."""
    import tensorflow as tf

    def words(x, text="ab"):
        return tf.fill(tf.shape(x), text)

    width = lambda x: tf.shape(x)[1]  # noqa: E731 - one of many in a table
    table = {
        "matmul": (lambda x: tf.matmul(x, tf.ones((width(x) + 1, 3))), "cannot be multiplied"),
        "broadcast": (lambda x: x + tf.ones((1, width(x) + 1)), "3) and (1, 4)"),
        "slice": (lambda x: x[:, width(x) + 5], "no index 8"),
        "cut": (lambda x: tf.slice(x, [0, 2], [1, width(x)]), "axis 1"),
        "gather": (lambda x: tf.gather(x, width(x) + 4, axis=1), "row 7"),
        "gather-nd": (lambda x: tf.gather_nd(x, [[0, width(x)]]), "outside"),
        "reshape": (lambda x: tf.reshape(x, (width(x) + 1, 1)), "4"),
        "reshape-many": (lambda x: tf.reshape(x, (-1, width(x) + 1)), "3 numbers"),
        "types": (lambda x: x + tf.constant([1, 2, 3]), "one type"),
        "text": (lambda x: tf.strings.to_number(words(x)) + x, "'ab' is not a number"),
        "cast": (lambda x: tf.cast(words(x), tf.float32) + x, "type string"),
        "sine-of-text": (lambda x: tf.sin(words(x)) + x, "type string"),
        "concat": (lambda x: tf.concat([x, tf.ones((width(x), 3))], 1), "(3, 3)"),
        "stack": (lambda x: tf.stack([x, tf.ones((1, width(x) + 1))]), "(1, 4)"),
        "split": (lambda x: tf.split(x, 2, 1)[0], "2"),
        "squeeze": (lambda x: tf.squeeze(x, 1), "got 3"),
        "transpose": (lambda x: tf.transpose(x, [0, 1, 2]), "3"),
        "tile": (lambda x: tf.tile(x, [1, 2, 3]), "3"),
        "top": (lambda x: tf.math.top_k(x, width(x) + 1)[0], "4"),
        "pad": (lambda x: tf.pad(x, [[4, 4], [1, 1]], "REFLECT"), "4"),
        "assertion": (
            lambda x: (tf.debugging.assert_negative(x, message="must be negative"), x)[1],
            "must be negative",
        ),
        "numbers": (lambda x: tf.debugging.check_numerics(x * np.nan, "mine"), "mine"),
        "inverse": (lambda x: x @ tf.linalg.inv(tf.zeros((width(x), 3))), "invertible"),
        "einsum": (lambda x: tf.einsum("ab,bc->ac", x, tf.ones((width(x) + 1, 3))), "4"),
        "division": (lambda x: x + tf.cast(width(x) // (width(x) - 3), x.dtype), "zero"),
        "python": (lambda x: tf.numpy_function(lambda y: y / [], [x], tf.float32), "broadcast"),
        "key": (lambda x: {}["lost"], "KeyError: 'lost'"),
        "name": (lambda x: x * vars()["lost"], "lost"),
        "attribute": (lambda x: x.lost, "lost"),
        "zero": (lambda x: x / (0 / 0), "zero"),
    }  # fmt: skip
    return {name: (lamb(f), ones(1, 3), said) for name, (f, said) in table.items()}


def read_error(model, x, traced):
    """Return what comes of running the model on an input that it cannot compute."""
    from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
    from inputgrad_cli.engine.pass_setup import PassContext
    from inputgrad_cli.engine.tape_engine import TapeEngine

    binding = KerasAdapter(model)
    runner = TapeEngine(PassContext(binding), EngineOptions(traced=traced)).runner
    names = [port.name for port in binding.input_specs]
    inputs = x if isinstance(x, dict) else {names[0]: x}
    with pytest.raises(ItemError) as caught:
        runner.run("call", lambda: lambda tensors, pins: binding.call(tensors), inputs, [])
    return caught.value


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("table", [of_series, of_lambdas])
def test_what_a_layer_cannot_compute_is_told_with_its_name(table, traced):
    for name, (model, x, words) in table().items():
        error = read_error(model, x, traced)
        sentence = error.format_line()
        assert error.kind == "compute", name
        if name not in PYTHON:  # which may be able to run what it cannot compile
            assert error.message == "the model cannot compute this input", name
        assert not RAW.search(sentence), f"{name}: {sentence}"
        assert "bad' (" in error.reason, f"{name}: {sentence}"
        assert words in error.reason, f"{name}: {sentence}"
        assert sentence.endswith("."), f"{name}: {sentence}"
        assert "\n" not in sentence, f"{name}: {sentence}"
        assert ".." not in sentence.replace(" ...", ""), f"{name}: {sentence}"


def messages():
    """Return messages as TensorFlow writes them on processors and devices that are not here."""
    node = "{{function_node __wrapped__Conv2D_device_/job:localhost/replica:0/task:0/device:CPU:0}}"
    return {
        f"{node} The Conv2D op currently only supports the NHWC tensor format on the CPU. The "
        "op was given the format: NCHW [Op:Conv2D]": "TF_ENABLE_ONEDNN_OPTS=1",
        f"{node} Computed output size would be negative: -4 [input_size: 3, effective_filter_size:"
        " 8, stride: 1] [Op:Conv2D] name: ": "too small",
        "No OpKernel was registered to support Op 'CudnnRNN' used by {{node CudnnRNN}} with these "
        "attrs: [seed=0]\nRegistered devices: [CPU]\n\t [[CudnnRNN]] [Op:CudnnRNN]": "CudnnRNN",
        "Graph execution error:\n\nDetected at node model/conv/Conv2D defined at (most recent call "
        "last):\n<stack traces unavailable>\nIncompatible shapes: [2,3] vs. [2,4]\n\t [[{{node "
        "model/conv/Conv2D}}]] [Op:__inference_run_5]": "(2, 3) and (2, 4)",
        "Something new of " + "many words " * 60 + "[Op:New] name: ": "Something new",
        "{{function_node __wrapped__New_device_/job:x}} [Op:New]": "",
        "": "",
    }  # fmt: skip


def test_messages_of_other_machines_are_told_in_whole_words():
    from inputgrad_cli.engine.adapter.error_message_rewriting import to_plain_message

    for text, words in messages().items():
        said = to_plain_message(ValueError(text))
        assert said
        assert words in said, said
        assert not RAW.search(said), said
        assert len(said) <= 300
        cut = said.removesuffix(" ...").split()
        assert said == "ValueError" or set(cut[-2:]) <= {*re.findall(r"\S+", text), *cut}, said


def test_a_fault_of_our_own_is_not_laid_on_the_model():
    from inputgrad_cli.engine.tensorflow_error_conversion import as_item_errors as faults

    with pytest.raises(AttributeError), faults():
        None.lost  # noqa: B018


def test_the_setting_of_keras_is_as_it_was():
    import keras

    from inputgrad_cli.engine.tensorflow_error_conversion import as_item_errors as faults

    with faults():
        assert not keras.config.is_traceback_filtering_enabled()
    assert keras.config.is_traceback_filtering_enabled()

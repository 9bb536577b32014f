"""What a model's file tells of the work it is, against what Keras knows of the built model."""

import contextlib

import keras
import pytest
from keras import layers

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.model_file import open_model
from inputgrad_cli.modelfile.model_summary import build_outline
from inputgrad_cli.modelfile.pass_cost_estimate import Workload, estimate_workload
from tests.modelfile.files import layer, sequential


def workload_of(model, tmp_path):
    model.save(tmp_path / "m.keras")
    file = open_model(tmp_path / "m.keras")
    shapes = [port.shape for port in build_outline(file.config).inputs or ()]
    return estimate_workload(file.config, shapes, model.count_params())


def test_multiplications_of_a_convolutional_network(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(8, 3, padding="same", use_bias=False),
            layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False),
            layers.Flatten(),
            layers.Dense(5, use_bias=False),
        ]
    )
    work = workload_of(model, tmp_path)
    convolutions = 256 * 27 * 8 + 64 * 72 * 4
    assert work.multiplications == pytest.approx(convolutions + 256 * 5, rel=0.01)
    assert work.weights == model.count_params()


def test_nested_and_shared_layers_count_once_a_call(tmp_path):
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dense(4)], name="inner")
    a, b = keras.Input((4,)), keras.Input((4,))
    model = keras.Model([a, b], layers.Add()([inner(a), inner(b)]))
    single = keras.Model(a, inner(a))
    twice, once = workload_of(model, tmp_path), workload_of(single, tmp_path)
    assert twice.multiplications == 2 * once.multiplications > 0


def test_recurrent_layers_are_loops(tmp_path):
    i = keras.Input((40, 8))
    x = layers.Bidirectional(layers.LSTM(4))(layers.GRU(4, return_sequences=True)(i))
    work = workload_of(keras.Model(i, layers.Dense(2)(x)), tmp_path)
    assert (work.loops, work.steps) == (3, 120)


def test_a_model_of_an_own_class_is_judged_by_its_weights():
    config = {"class_name": "Mine", "config": {}}
    small, large = (estimate_workload(config, [(224, 224, 3)], n) for n in (10_000, 10_000_000))
    assert 0 < small.multiplications < large.multiplications
    assert isinstance(small, Workload)


@pytest.mark.parametrize("kind", ["Dense", "LSTM", "Conv1D", "Reshape", "Embedding"])
@pytest.mark.parametrize("value", [0, -1, "3", None, [0], 1e400, 10**30])
def test_settings_that_keras_refuses_are_left_to_keras(kind, value):
    """An estimate that is impossible is an error of the model, not of the program."""
    names = ("units", "filters", "kernel_size", "strides", "target_shape", "output_dim", "groups")
    odd = layer(kind, "odd", **dict.fromkeys(names, value))
    with contextlib.suppress(ModelError):
        assert estimate_workload(sequential(odd), [(2,)], 9).layers > 0

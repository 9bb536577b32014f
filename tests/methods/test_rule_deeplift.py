"""DeepLIFT: exact on linear models, complete on all that it does not refuse."""

import keras
import numpy as np
import pytest

from inputgrad_cli.interfaces.engine import BackwardRule
from tests.formula_engines import Spy

from .ruled import (
    case_of,
    dense,
    engine_of,
    explain,
    layers,
    methods,
    numbers,
    shaken,
    values,
)

X = numbers(5, 4, seed=3)
BASE = numbers(5, 4, seed=9)
PICTURES, BLACK = numbers(3, 6, 6, 2), numbers(3, 6, 6, 2, seed=8)


def is_complete(result, gap=1e-4):
    assert result.completeness.gap.max() < gap
    total = sum(v.sum(axis=tuple(range(1, v.ndim))) for v in result.values.values())
    np.testing.assert_allclose(total, result.completeness.difference, rtol=1e-3, atol=1e-5)


def test_a_linear_model_gives_difference_times_weight():
    model = dense(features=4)
    weight = model.get_weights()[0][:, 0]
    result = values("deeplift", model, X, baseline=BASE)
    np.testing.assert_allclose(result, (X - BASE) * weight, rtol=1e-5)


def test_one_relu_on_paper():
    """From -1 to 3 a ReLU changes by 3 over 4: the multiplier is 3/4; closed on both sides: 0."""
    model = keras.Sequential([keras.Input((2,)), layers.ReLU(), layers.Dense(1, use_bias=False)])
    model.layers[-1].set_weights([np.array([[2.0], [5.0]])])
    x, base = np.array([[3.0, -1.0]], np.float32), np.array([[-1.0, -2.0]], np.float32)
    result = values("deeplift", model, x, baseline=base)
    np.testing.assert_allclose(result, [[6.0, 0.0]], rtol=1e-6)


def test_where_nothing_differs_the_derivative_stands_in():
    model = dense(6, activation="tanh")
    result = values("deeplift", model, X, baseline=X)
    np.testing.assert_array_equal(result, np.zeros_like(X))
    engine = engine_of(model, X)
    case = case_of(engine, X, baseline=X)
    multipliers = engine.propagate_relevance(
        case.inputs, case.target, case.sites, BackwardRule("deeplift"), case.baseline
    )
    gradient = engine.compute_gradients(case.inputs, case.target, case.sites)
    site = case.sites[0]
    np.testing.assert_allclose(multipliers.values[site], gradient.values[site], rtol=1e-4)


ACTIVATIONS = (
    *("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "sigmoid"),
    *("tanh", "softplus", "softsign", "hard_sigmoid", "hard_silu", "hard_tanh", "exponential"),
    *("squareplus", "tanh_shrink", "soft_shrink", "hard_shrink", "log_sigmoid", "sparse_plus"),
)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_it_is_complete_through_every_activation(name):
    result = explain("deeplift", dense(6, 5, activation=name), X, baseline=BASE)
    is_complete(result)
    assert result.facts["rules"] >= 5


@pytest.mark.parametrize("last", ["sigmoid", "softmax"])
def test_probabilities_can_be_explained(last):
    is_complete(
        explain("deeplift", dense(6, last=last), X, baseline=BASE, space="probability"), 1e-3
    )


CONVOLVED = {
    "pooled": lambda: [layers.Conv2D(3, 3, activation="relu"), layers.MaxPooling2D(2, 1)],
    "normalized": lambda: [layers.Conv2D(3, 3), layers.BatchNormalization(), layers.PReLU()],
    "depthwise": lambda: [layers.DepthwiseConv2D(3, activation="relu")],
    "separable": lambda: [layers.SeparableConv2D(3, 3, activation="silu")],
    "transposed": lambda: [layers.Conv2DTranspose(3, 3, strides=2, activation="relu")],
    "grouped": lambda: [layers.Conv2D(4, 3, groups=2, activation="relu")],
    "dilated": lambda: [layers.Conv2D(4, 2, dilation_rate=2, activation="relu")],
    "resized": lambda: [layers.UpSampling2D(2, interpolation="bilinear"), layers.ReLU()],
    "threshold": lambda: [layers.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2)],
    "layer norm": lambda: [layers.LayerNormalization(), layers.ReLU()],
    "global": lambda: [layers.Conv2D(3, 2), layers.Reshape((1, 5, 15)), layers.ReLU()],
}


@pytest.mark.parametrize("kind", CONVOLVED)
def test_it_is_complete_through_layers_of_pictures(kind):
    layer_list = [*CONVOLVED[kind](), layers.GlobalMaxPooling2D(), layers.Dense(2)]
    model = shaken(keras.Sequential([keras.Input((6, 6, 2)), *layer_list]))
    is_complete(explain("deeplift", model, PICTURES, baseline=BLACK), 1e-3)


@pytest.mark.parametrize("rank", [1, 3])
def test_it_is_complete_in_one_and_three_dimensions(rank):
    convolution = {1: layers.Conv1D, 3: layers.Conv3D}[rank]
    pooling = {1: layers.MaxPooling1D, 3: layers.MaxPooling3D}[rank]
    shape = (5,) * rank + (2,)
    layer_list = [
        convolution(3, 2, activation="relu"),
        pooling(2),
        layers.Flatten(),
        layers.Dense(2),
    ]
    model = shaken(keras.Sequential([keras.Input(shape), *layer_list]))
    x, base = numbers(3, *shape), numbers(3, *shape, seed=5)
    is_complete(explain("deeplift", model, x, baseline=base))


def test_the_greatest_of_two_branches_goes_to_the_winner_of_its_side():
    a, b = keras.Input((1,)), keras.Input((1,))
    model = keras.Model([a, b], layers.Dense(1, use_bias=False)(layers.Maximum()([a, b])))
    model.set_weights([np.ones((1, 1))])
    inputs = tuple(np.array([[v]], np.float32) for v in (5.0, 1.0))
    base = tuple(np.array([[v]], np.float32) for v in (0.0, 2.0))
    result = explain("deeplift", model, inputs, baseline=base)
    assert [float(v[0, 0]) for v in result.values.values()] == pytest.approx([3.0, 0.0])


def test_gates_attention_and_quotients_are_complete():
    entry = keras.Input((5, 4))
    x = layers.MultiHeadAttention(2, 3)(entry, entry)
    x = layers.LayerNormalization()(layers.Add()([entry, x]))
    x = layers.Multiply()([x, layers.Dense(4, activation="sigmoid")(x)])
    x = x / (1.0 + keras.ops.sum(x * x, axis=-1, keepdims=True))
    model = shaken(keras.Model(entry, layers.Dense(2)(layers.Flatten()(x))))
    result = explain("deeplift", model, numbers(3, 5, 4), baseline=numbers(3, 5, 4, seed=7))
    is_complete(result, 1e-3)


def test_an_unrolled_loop_is_complete():
    layer_list = [layers.LSTM(3, unroll=True), layers.Dense(2)]
    model = shaken(keras.Sequential([keras.Input((4, 3)), *layer_list]))
    is_complete(explain("deeplift", model, numbers(3, 4, 3), baseline=numbers(3, 4, 3, seed=7)))


def test_a_masked_sequence_is_complete():
    """What is masked in one pass and not in the other changes by all it has."""
    layer_list = [
        layers.Masking(),
        layers.GlobalAveragePooling1D(),
        layers.Dense(5, activation="relu"),
    ]
    model = shaken(keras.Sequential([keras.Input((4, 3)), *layer_list, layers.Dense(2)]))
    x, base = numbers(3, 4, 3), numbers(3, 4, 3, seed=7)
    x[:, 1], base[:, 2] = 0.0, 0.0
    is_complete(explain("deeplift", model, x, baseline=base))


def test_a_baseline_costs_one_question_for_its_score():
    engine = Spy(engine_of(dense(6), X))
    case = case_of(engine, X)
    methods.build("deeplift").attribute(engine, case)
    assert len(engine.scored) == len(X)
    assert engine.derived == []

"""LRP against the formulas of the papers, in NumPy and in terms of R."""

import keras
import numpy as np
import pytest

from inputgrad_cli.errors import UsageError
from inputgrad_cli.methods import methods

from .ruled import LRP, dense, explain, layers, numbers, plain, shaken, values

X = numbers(5, 4, seed=3)


def up(a):
    return np.maximum(a, 0)


def down(a):
    return np.minimum(a, 0)


def over(a, total):
    """Return a / total, zero where nothing is to be shared."""
    return a / np.where(total == 0, 1, total)


def shared(rule, x, w, b, relevance, low=-3.0, high=4.0):
    """Return the relevance of the inputs of z = x w + b, for one rule, in float64."""
    q = x[:, :, None] * w[None]
    z = (q.sum(axis=1) + b)[:, None]
    share = {
        "epsilon": lambda: q / (z + 0.1 * np.where(z >= 0, 1, -1)),
        "gamma": lambda: np.where(
            z > 0,
            (q + 0.5 * up(q)) / (z + 0.5 * (up(q).sum(axis=1, keepdims=True) + up(b))),
            (q + 0.5 * down(q)) / (z + 0.5 * (down(q).sum(axis=1, keepdims=True) + down(b))),
        ),
        "alpha1-beta0": lambda: over(up(q), up(q).sum(axis=1, keepdims=True) + up(b)),
        "z-plus": lambda: over(up(q), up(q).sum(axis=1, keepdims=True)),
        "w2": lambda: (w**2 / (w**2).sum(axis=0))[None] + 0 * q,
        "box": lambda: (
            (q - low * up(w) - high * down(w))
            / (q - low * up(w) - high * down(w)).sum(axis=1, keepdims=True)
        ),
    }[rule]()
    return (share * relevance[:, None]).sum(axis=2)


def by_hand(first, rest, model, x):
    """Return LRP of unit 0 of two dense layers with a ReLU between."""
    w1, b1, w2, b2 = (np.asarray(w, np.float64) for w in model.get_weights())
    hidden = up(x @ w1 + b1)
    score = hidden @ w2[:, :1] + b2[:1]
    return shared(first, x, w1, b1, shared(rest, hidden, w2[:, :1], b2[:1], score))


@pytest.mark.parametrize(
    ("text", "first", "rest"),
    [
        ("epsilon,epsilon=0.1", "epsilon", "epsilon"),
        ("gamma,gamma=0.5", "gamma", "gamma"),
        ("alpha1-beta0", "alpha1-beta0", "alpha1-beta0"),
        ("z-plus", "z-plus", "z-plus"),
        ("deep-taylor", "w2", "z-plus"),
        ("deep-taylor,low=-3,high=4", "box", "z-plus"),
        ("composite,epsilon=0.1", "epsilon", "epsilon"),
    ],
)
def test_two_dense_layers_are_shared_as_on_paper(text, first, rest):
    model = dense(6)
    result = values(f"lrp:rule={text}", model, X)
    np.testing.assert_allclose(result, by_hand(first, rest, model, X), rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("rule", LRP)
def test_zeros_get_no_relevance_from_rules_that_multiply_by_the_input(rule):
    """The biases are large enough that both layers have a score to share."""
    model = keras.Sequential([layers.Input((4,)), layers.Dense(6, "relu"), layers.Dense(1)])
    model = shaken(model)
    model.layers[0].bias.assign(np.full(6, 9.0, np.float32))
    text = f"lrp:rule={rule}"
    at_x, at_zero = (values(text, model, x).any() for x in (X, np.zeros_like(X)))
    assert at_x
    assert at_zero != methods.build(text).multiplies_by_input


def test_without_bias_lrp_0_is_input_times_gradient_and_keeps_the_score():
    model = dense(6, 5, bias=False)
    result = values("lrp:rule=epsilon,epsilon=0", model, X)
    np.testing.assert_allclose(result, X * plain(model, X), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(result.sum(axis=1), model(X)[:, 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rule", ["gamma", "z-plus", "deep-taylor"])
def test_relevance_is_kept_where_there_is_no_bias(rule):
    model = shaken(
        keras.Sequential(
            [
                keras.Input((6, 6, 2)),
                layers.Conv2D(4, 3, activation="relu", use_bias=False),
                layers.MaxPooling2D(),
                layers.Conv2D(5, 2, padding="same", activation="relu", use_bias=False),
                layers.GlobalAveragePooling2D(),
                layers.Dense(2, use_bias=False),
            ]
        )
    )
    x = np.abs(numbers(3, 6, 6, 2))
    result = values(f"lrp:rule={rule}", model, x)
    np.testing.assert_allclose(result.sum(axis=(1, 2, 3)), model(x)[:, 0], rtol=1e-4)


def test_the_composite_is_flat_first_then_z_plus_then_epsilon():
    """On paper: a convolution of the whole input is a dense layer."""
    model = shaken(
        keras.Sequential(
            [
                keras.Input((1, 4, 1)),
                layers.Conv2D(3, (1, 4), activation="relu"),
                layers.Conv2D(4, 1, activation="relu"),
                layers.Flatten(),
                layers.Dense(2),
            ]
        )
    )
    x = X.astype(np.float64)
    w1, b1, w2, b2, w3, b3 = (np.asarray(w, np.float64) for w in model.get_weights())
    sums = up(x @ w1.reshape(4, 3) + b1)
    two = up(sums @ w2.reshape(3, 4) + b2)
    score = two @ w3[:, :1] + b3[:1]
    q = two * w3[:, 0]
    last = q * score / (score + 0.1 * np.sign(score))
    middle = shared("z-plus", sums, w2.reshape(3, 4), b2, last)
    expected = np.repeat(middle.sum(axis=1, keepdims=True) / 4, 4, axis=1)
    result = values("lrp:epsilon=0.1", model, X.reshape(5, 1, 4, 1))
    np.testing.assert_allclose(result.reshape(5, 4), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("rule", LRP)
def test_batch_normalization_counts_as_part_of_the_layer_before(rule):
    """Whether folded into the weights or beside them, also where its factor is negative."""
    bare = keras.Sequential([keras.Input((4,)), layers.Dense(6), layers.ReLU(), layers.Dense(2)])
    normal = layers.BatchNormalization()
    beside = keras.Sequential(
        [keras.Input((4,)), layers.Dense(6), normal, layers.ReLU(), layers.Dense(2)]
    )
    shaken(beside)
    w1, b1 = beside.layers[0].get_weights()
    gamma, beta, mean, variance = normal.get_weights()
    factor = gamma / np.sqrt(variance + normal.epsilon)
    last = beside.layers[-1].get_weights()
    bare.set_weights([w1 * factor, (b1 - mean) * factor + beta, *last])
    assert np.any(factor < 0)
    options = ",low=-3,high=4" if rule == "deep-taylor" else ""
    results = [values(f"lrp:rule={rule}{options}", model, X) for model in (beside, bare)]
    np.testing.assert_allclose(results[0], results[1], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("rule", LRP)
def test_what_scales_and_shifts_the_input_keeps_all_relevance(rule):
    """Pictures of 0 to 255 are explained as the same pictures of -1 to 1, black pixels too."""
    core = [layers.Conv2D(3, 2, activation="relu"), layers.Flatten(), layers.Dense(2)]
    inner = shaken(keras.Sequential([keras.Input((3, 3, 1)), *core]))
    outer = keras.Sequential(
        [keras.Input((3, 3, 1)), layers.Rescaling(1 / 127.5, offset=-1.0), *core]
    )
    pixels = np.random.default_rng(2).integers(0, 2, (4, 3, 3, 1)).astype(np.float32) * 255
    bounds = [",low=-1,high=1", ",low=0,high=255"] if rule == "deep-taylor" else ["", ""]
    results = [
        values(f"lrp:rule={rule}{bounds[0]}", inner, pixels / 127.5 - 1),
        values(f"lrp:rule={rule}{bounds[1]}", outer, pixels),
    ]
    np.testing.assert_allclose(results[0], results[1], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "gelu", "silu", "softplus", "elu"])
def test_smooth_activations_hand_on_what_they_got(name):
    """R is the same before and after: so two layers share as on paper."""
    model = dense(6, activation=name)
    w1, b1, w2, b2 = (np.asarray(w, np.float64) for w in model.get_weights())
    hidden = np.asarray(keras.activations.get(name)(X @ w1 + b1), np.float64)
    score = hidden @ w2[:, :1] + b2[:1]
    later = shared("epsilon", hidden, w2[:, :1], b2[:1], score)
    expected = shared("epsilon", X, w1, b1, later)
    result = values("lrp:rule=epsilon,epsilon=0.1", model, X)
    np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-5)


def test_relevance_at_a_layer_is_what_arrives_there():
    model = dense(6)
    result = values("lrp:rule=epsilon,epsilon=0.1", model, X, wrt=f"layer:{model.layers[0].name}")
    w1, b1, w2, b2 = (np.asarray(w, np.float64) for w in model.get_weights())
    hidden = up(X @ w1 + b1)
    score = hidden @ w2[:, :1] + b2[:1]
    expected = shared("epsilon", hidden, w2[:, :1], b2[:1], score)
    np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-5)


def test_rules_are_counted():
    assert explain("lrp", dense(6, 5), X).facts == {"rules": 5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lrp:rule=deep-taylor,low=0", "both low= and high="),
        ("lrp:rule=deep-taylor,low=1,high=1", "less than"),
        ("lrp:rule=gamma,low=0,high=1", "deep-taylor alone"),
    ],
)
def test_bounds_that_bound_nothing_are_refused(text, message):
    with pytest.raises(UsageError, match=message):
        methods.build(text)

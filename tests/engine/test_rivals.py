"""A class against the best of the rest: in logit space, for any ending, against NumPy."""

from itertools import pairwise

import keras
import numpy as np
import pytest

from inputgrad_cli.data.class_margin_targets import (
    get_pinned_classes,
    pin_pairs,
    pin_rivals,
    read_prediction,
    resolve_rival,
)
from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget, pin
from tests.keras_models import central_differences, worst
from tests.small_networks import engine_of

L = keras.layers
X = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
CLASSES = np.array([2, 0, 1, 2, 2])


def layers(*rest):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,), name="x"), L.Dense(3, name="z"), *rest])
    model.layers[0].bias.assign([0.1, -0.2, 0.3])
    return model


def z_of(model, x=X):
    """Return the logits in float64."""
    kernel, bias = (np.asarray(w, np.float64) for w in model.layers[0].get_weights())
    return x.astype(np.float64) @ kernel + bias


def rivals_of(z, classes, combination):
    own = np.arange(z.shape[1]) == classes[:, None]
    others = np.where(own, -np.inf, z)
    if combination == "max":
        return others.max(axis=1)
    return np.log(np.exp(others).sum(axis=1))


def first_pass(engine):
    """Return what the model gives for X, and its top classes."""
    top = ResolvedTarget("", engine.signature.outputs[0].name, "rank", "output")
    return engine.run_first_pass({"x": X}, [top], (), gradients=False)


def outputs_of(engine):
    return first_pass(engine).outputs[engine.signature.outputs[0].name]


ENDINGS = {
    "softmax": [L.Softmax],
    "log_softmax": [lambda: L.Activation("log_softmax")],
    "sigmoid": [lambda: L.Activation("sigmoid")],
    "reshaped": [L.Softmax, lambda: L.Reshape((3, 1))],
    "none": [],
}


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("combination", ["max", "logsumexp"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_the_margin_is_that_of_the_logits_and_its_gradient_too(ending, combination, traced):
    model = layers(*(make() for make in ENDINGS[ending]))
    engine = engine_of(model, {"x": X}, traced=traced)
    head = engine.signature.outputs[0]
    space = "logit" if ending != "none" else "output"
    assert head.logits_verified == (ending != "none")
    target = pin_rivals(head, space, CLASSES, combination)
    gradients = engine.compute_gradients({"x": X}, target, ["x"])

    def compute_margins(inputs):
        z = z_of(model, inputs["x"])
        return z[np.arange(5), CLASSES] - rivals_of(z, CLASSES, combination)

    np.testing.assert_allclose(gradients.scores, compute_margins({"x": X}), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(engine.compute_scores({"x": X}, target), gradients.scores, rtol=1e-6)
    slopes = central_differences(compute_margins, {"x": X.astype(np.float64)})
    assert worst(gradients.values, slopes) < 1e-5
    np.testing.assert_array_equal(get_pinned_classes(target, head), CLASSES)


def test_cross_entropy_is_the_softplus_of_the_margin_and_points_the_same_way():
    """CE = log(1 + exp(L)) and its gradient (1 - p) times that of L, minus the margin (O12)."""
    model = layers(L.Softmax())
    engine = engine_of(model, {"x": X})
    head = engine.signature.outputs[0]
    margin = engine.compute_gradients(
        {"x": X}, pin_rivals(head, "logit", CLASSES, "logsumexp"), ["x"]
    )
    loss = ResolvedTarget(
        "", head.name, "loss", "output", argument="sparse_categorical_crossentropy"
    )
    entropy = engine.compute_gradients({"x": X}, pin(loss, 5, CLASSES.astype(np.float32)), ["x"])
    np.testing.assert_allclose(entropy.scores, np.log1p(np.exp(-margin.scores)), rtol=1e-5)
    p = 1 / (1 + np.exp(-margin.scores.astype(np.float64)))
    expected = -(1 - p)[:, None] * margin.values["x"]
    assert worst(entropy.values, {"x": expected}) < 1e-5


def test_the_margin_lives_where_the_softmax_is_saturated():
    model = layers(L.Softmax())
    model.layers[0].kernel.assign(1000 * np.eye(4, 3))
    engine = engine_of(model, {"x": X})
    head = engine.signature.outputs[0]
    z = z_of(model)
    classes = z.argmax(axis=1)
    assert outputs_of(engine).max(axis=1).min() == 1
    gradients = engine.compute_gradients({"x": X}, pin_rivals(head, "logit", classes), ["x"])
    expected = z.max(axis=1) - np.sort(z, axis=1)[:, -2]
    np.testing.assert_allclose(gradients.scores, expected, rtol=1e-5)
    assert np.abs(gradients.values["x"]).max(axis=1).min() > 100


@pytest.mark.parametrize("space", ["logit", "probability"])
def test_one_sigmoid_unit_has_a_margin_of_either_sign(space):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,), name="x"), L.Dense(1, activation="sigmoid")])
    engine = engine_of(model, {"x": X})
    head = engine.signature.outputs[0]
    z = z_of(model)[:, 0]
    classes = np.array([0, 1, 0, 1, 0])
    sign = np.where(classes == 1, 1, -1)
    expected = sign * (z if space == "logit" else np.tanh(z / 2))  # 2 p - 1
    target = pin_rivals(head, space, classes)
    gradients = engine.compute_gradients({"x": X}, target, ["x"])
    np.testing.assert_allclose(gradients.scores, expected, rtol=1e-4, atol=1e-6)
    kernel = model.layers[0].kernel.numpy()[:, 0]
    slope = sign if space == "logit" else sign * (1 - np.tanh(z / 2) ** 2) / 2
    np.testing.assert_allclose(gradients.values["x"], slope[:, None] * kernel, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(get_pinned_classes(target, head), classes)
    at_half = {"x": np.zeros((1, 4), np.float32)}  # the bias is zero
    for label in (0, 1):
        margin = engine.compute_scores(at_half, pin_rivals(head, space, np.array([label])))
        assert margin.item() == 0


def test_all_classes_share_one_trace():
    engine = engine_of(layers(L.Softmax()), {"x": X}, traced=True)
    head = engine.signature.outputs[0]
    keys = {resolve_rival(head, "logit", k).to_trace_key(pinned=True) for k in range(3)}
    assert len(keys) == 1
    assert resolve_rival(head, "logit", 0, "logsumexp").to_trace_key(pinned=True) not in keys
    traces = []
    build = engine.adapter.call
    engine.adapter.call = lambda tensors: traces.append(1) or build(tensors)
    engine.compute_gradients({"x": X}, pin_rivals(head, "logit", CLASSES), ["x"])
    first = len(traces)
    assert first > 0
    for classes in (CLASSES[::-1], np.zeros(5, int)):
        engine.compute_gradients({"x": X}, pin_rivals(head, "logit", classes), ["x"])
    assert len(traces) == first


def test_the_class_axis_may_be_any_with_others_of_length_one():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [keras.Input((4,), name="x"), L.Dense(3), L.Reshape((3, 1)), L.Softmax(axis=1)]
    )
    engine = engine_of(model, {"x": X})
    head = engine.signature.outputs[0]
    assert head.axis == 0
    z = z_of(model)
    scores = engine.compute_scores({"x": X}, pin_rivals(head, "logit", CLASSES))
    np.testing.assert_allclose(
        scores, z[np.arange(5), CLASSES] - rivals_of(z, CLASSES, "max"), rtol=1e-5, atol=1e-5
    )


def test_pairs_are_the_difference_of_two_classes_of_each_sample():
    model = layers(L.Softmax())
    engine = engine_of(model, {"x": X})
    others = (CLASSES + 1) % 3
    target = pin_pairs(engine.signature.outputs[0], "logit", others, CLASSES)
    gradients = engine.compute_gradients({"x": X}, target, ["x"])
    z, rows = z_of(model), np.arange(5)
    np.testing.assert_allclose(gradients.scores, z[rows, others] - z[rows, CLASSES], atol=1e-5)
    kernel = model.layers[0].kernel.numpy().T
    np.testing.assert_allclose(gradients.values["x"], kernel[others] - kernel[CLASSES], atol=1e-6)


def test_the_margin_is_positive_where_the_class_is_predicted_and_ties_are_zero():
    model = layers(L.Softmax())
    engine = engine_of(model, {"x": X})
    head = engine.signature.outputs[0]
    outputs = outputs_of(engine)
    prediction = read_prediction(outputs, head, first_pass(engine).targets[0])
    np.testing.assert_allclose(prediction.probabilities, outputs.max(axis=1))
    for k in range(3):
        scores = engine.compute_scores({"x": X}, pin_rivals(head, "logit", np.full(5, k)))
        np.testing.assert_array_equal(scores > 0, prediction.classes == k)
    model.layers[0].kernel.assign(np.zeros((4, 3)))
    model.layers[0].bias.assign(np.zeros(3))
    scores = [
        engine.compute_scores({"x": X}, pin_rivals(head, "logit", np.full(5, k))) for k in range(3)
    ]
    assert all(np.array_equal(a, b) and not a.any() for a, b in pairwise(scores))

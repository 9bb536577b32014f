"""The softmax or sigmoid that ends a model (cases 1 and 3 to 8): found, proved, or honestly not."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from inputgrad_cli import api
from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.data.targets.resolve_target import resolve_target
from inputgrad_cli.errors import UsageError
from tests.small_networks import tape

L = keras.layers
X = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)


@keras.saving.register_keras_serializable("tests")
class ByTensorFlow(keras.Model):
    """A subclassed model whose softmax is TensorFlow's own, so Keras notes nothing."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = L.Dense(3)

    def call(self, x):
        return tf.nn.softmax(self.dense(x))


def dense_softmax():
    return keras.Sequential([keras.Input((4,)), L.Dense(3, activation="softmax")])


def separate(layer):
    return keras.Sequential([keras.Input((4,)), L.Dense(3), layer])


def nested():
    x = keras.Input((4,))
    return keras.Model(x, dense_softmax()(x))


def reshaped():
    layers = [keras.Input((4,)), L.Dense(3, activation="softmax"), L.Reshape((3, 1))]
    return keras.Sequential(layers)


def sigmoid():
    return keras.Sequential([keras.Input((4,)), L.Dense(1, activation="sigmoid")])


def by_hand():
    x = keras.Input((4,))
    e = keras.ops.exp(L.Dense(3)(x))
    return keras.Model(x, e / keras.ops.sum(e, axis=-1, keepdims=True))


def engine(model, traced=False, x=X):
    tape_engine = tape(model, traced=traced)
    tape_engine.calibrate(inputs(tape_engine, x))
    return tape_engine


def inputs(tape_engine, x=X):
    return {tape_engine.signature.inputs[0].name: x}


def first(tape_engine, target, space="auto", labels=(), x=X):
    choice = resolve_target(parse_target(target), tape_engine.signature, space, labels)[0]
    return tape_engine.run_first_pass(inputs(tape_engine, x), [choice], list(inputs(tape_engine)))


@pytest.mark.parametrize(
    ("model", "activation"),
    [
        (dense_softmax, "softmax"),
        (lambda: separate(L.Softmax()), "softmax"),
        (lambda: separate(L.Activation("softmax")), "softmax"),
        (lambda: separate(L.Activation("sigmoid")), "sigmoid"),
        (lambda: separate(L.Activation("log_softmax")), "log_softmax"),
        (nested, "softmax"),
        (reshaped, "softmax"),
        (ByTensorFlow, "softmax"),
        (sigmoid, "sigmoid"),
    ],
)
def test_the_head_is_found_and_its_logits_give_the_output(model, activation):
    tape_engine = engine(model())
    head = tape_engine.signature.outputs[0]
    assert (head.activation, head.logits_verified) == (activation, True)
    first_pass = first(
        tape_engine, "unit:0" if head.unit_count == 1 else "unit:" + ",".join("0" * len(head.shape))
    )
    assert first_pass.targets[0].resolved.space == "logit"
    assert np.abs(next(iter(first_pass.gradients[0].values.values()))).max() > 0


@pytest.mark.parametrize("traced", [False, True])
def test_the_logit_gradient_is_that_of_a_clone_without_activation(traced):
    model = dense_softmax()
    kernel = model.layers[-1].kernel.numpy()
    first_pass = first(engine(model, traced), "class:2")
    np.testing.assert_allclose(
        next(iter(first_pass.gradients[0].values.values())),
        np.tile(kernel[:, 2], (5, 1)),
        rtol=1e-5,
    )


def test_a_saturated_softmax_still_gives_a_living_map():
    model = dense_softmax()
    model.layers[-1].kernel.assign(1000 * np.eye(4, 3))
    tape_engine = engine(model)
    alive, dead = first(tape_engine, "top1"), first(tape_engine, "top1", "probability")
    assert np.abs(alive.gradients[0].values[inputs_name(tape_engine)]).max() > 1
    assert np.abs(dead.gradients[0].values[inputs_name(tape_engine)]).max() < 1e-6


def inputs_name(tape_engine):
    return tape_engine.signature.inputs[0].name


def test_a_softmax_by_hand_is_not_guessed_but_named():
    head = engine(by_hand()).signature.outputs[0]
    assert not head.logits_verified
    assert "look like probabilities" in head.note


def test_the_mean_of_two_softmaxes_is_used_as_it_is():
    x = keras.Input((4,))
    two = [L.Dense(3, activation="softmax")(x) for _ in range(2)]
    tape_engine = engine(keras.Model(x, L.Average()(two)))
    assert not tape_engine.signature.outputs[0].logits_verified
    assert first(tape_engine, "top1").targets[0].resolved.space == "output"
    with pytest.raises(UsageError, match="--space output"):
        first(tape_engine, "top1", "logit")


def test_a_regression_has_no_head_to_find():
    head = engine(keras.Sequential([keras.Input((4,)), L.Dense(3)])).signature.outputs[0]
    assert (head.activation, head.logits_verified, head.note) == (None, False, "")


def test_a_softmax_over_the_first_axis_is_the_class_axis():
    model = keras.Sequential([keras.Input((3, 4)), L.Dense(2), L.Softmax(axis=1)])
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    assert engine(model, x=x).signature.outputs[0].axis == 0


def test_one_sigmoid_unit_has_two_classes():
    tape_engine = engine(sigmoid())
    unit, zero, auto = (first(tape_engine, t).scores[0] for t in ("class:1", "class:0", "auto"))
    np.testing.assert_allclose(unit, -zero)
    np.testing.assert_allclose(unit, auto)
    p1, p0 = (first(tape_engine, t, "probability").scores[0] for t in ("class:1", "class:0"))
    np.testing.assert_allclose(p1 + p0, 1.0, rtol=1e-6)
    with pytest.raises(UsageError, match="class:0"):
        first(tape_engine, "1")


@pytest.mark.parametrize("space", ["logit", "probability"])
def test_the_top_class_of_one_sigmoid_unit_is_the_likelier(space):
    tape_engine = engine(sigmoid())
    p = np.ravel(tape_engine.adapter.model(X))
    top, second = (first(tape_engine, t, space) for t in ("top1", "class:1"))
    np.testing.assert_array_equal(top.targets[0].signs[:, 0] > 0, p >= 0.5)
    likelier = np.maximum(p, 1 - p)
    expected = np.log(likelier / (1 - likelier)) if space == "logit" else likelier
    np.testing.assert_allclose(top.scores[0], expected, rtol=1e-4, atol=1e-5)
    assert second.scores[0].shape == (5,)


def test_classes_of_a_wide_output_must_be_named_by_unit(samples):
    model = keras.Sequential([keras.Input((3, 4)), L.Dense(2)])
    tape_engine = engine(model, x=np.zeros((1, 3, 4), np.float32))
    with pytest.raises(UsageError, match="unit:I,J"):
        first(tape_engine, "top1")
    first_pass = first(tape_engine, "unit:2,1", x=np.ones((2, 3, 4), np.float32))
    np.testing.assert_allclose(first_pass.scores[0], model(np.ones((2, 3, 4)))[:, 2, 1], rtol=1e-5)


def test_a_target_is_pinned_on_the_clean_input():
    """Along the line from black the top class changes; the score must not follow it."""
    tape_engine = engine(dense_softmax())
    target = first(tape_engine, "top1").targets[0]
    at_zero = tape_engine.compute_scores({inputs_name(tape_engine): np.zeros_like(X)}, target)
    bias = tape_engine.adapter.model.layers[-1].bias.numpy()
    np.testing.assert_allclose(at_zero, bias[target.index[:, 0, 0]], atol=1e-6)


def test_many_targets_come_from_one_forward_pass():
    model = dense_softmax()
    calls = []
    layer = model.layers[-1]
    original = layer.call
    object.__setattr__(layer, "call", lambda *a, **k: calls.append(1) or original(*a, **k))
    tape_engine = engine(model)
    calls.clear()
    choices = resolve_target(parse_target("all"), tape_engine.signature, "auto", ())
    first_pass = tape_engine.run_first_pass(inputs(tape_engine), choices, list(inputs(tape_engine)))
    assert len(first_pass.gradients) == 3
    assert len(calls) == 1


def test_api_reports_which_tensor_was_used(samples):
    model = api.load(samples / "shapes.keras")
    picture = samples / "inputs" / "shapes" / "00-cross.png"
    for space in ("logit", "probability"):
        attribution = api.explain(model, picture, target="class:cross", space=space)
        assert attribution.metadata["space"] == space
    assert 0.99 < attribution.metadata["score"] <= 1

"""The activation that ends a model is seen through every wrapper, saturated or not."""

import keras
import numpy as np
import pytest

from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.data.targets.resolve_target import resolve_target
from tests.small_networks import tape

L = keras.layers
ENDINGS = ["softmax", "sigmoid", "log_softmax"]
X = np.random.default_rng(0).normal(size=(2, 6, 4)).astype(np.float32)
STEPS = L.TimeDistributed


def layered(activation, units):
    """Return the final layers of every form in which people write an activation."""
    yield "dense", L.Dense(units, activation=activation)
    yield "layer", keras.Sequential([L.Dense(units), L.Activation(activation)])
    if activation == "softmax":
        yield "softmax layer", keras.Sequential([L.Dense(units), L.Softmax()])


WRAPPERS = {
    "alone": lambda layer, x: layer(x),
    "steps": lambda layer, x: STEPS(layer)(x),
    "steps of a recurrent layer": lambda layer, x: STEPS(layer)(
        L.Bidirectional(L.SimpleRNN(3, return_sequences=True))(x)
    ),
    "steps twice": lambda layer, x: STEPS(STEPS(layer))(L.Reshape((3, 2, 4))(x)),
    "a model in steps": lambda layer, x: STEPS(keras.Sequential([L.Dense(5), layer]))(x),
    "permuted": lambda layer, x: L.Permute((2, 1))(layer(x)),
    "last step": lambda layer, x: STEPS(layer)(x)[:, -1],
    "reshaped steps": lambda layer, x: L.Reshape((2, 3, -1))(STEPS(layer)(x)),
}


def compute(model, x=X, traced=False):
    engine = tape(model, traced=traced)
    engine.calibrate({engine.signature.inputs[0].name: x})
    return engine


def logits(model, activation):
    """Return the same model without its activation: the reference."""
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    silent = []
    for layer in _all(twin):
        if getattr(layer, "activation", None) is getattr(keras.activations, activation):
            layer.activation = keras.activations.linear
            silent.append(layer)
        elif isinstance(layer, L.Softmax):
            object.__setattr__(layer, "call", lambda x, mask=None: x)
            silent.append(layer)
    assert silent
    return twin


def _all(layer):
    return layer._flatten_layers(include_self=False)


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("activation", ENDINGS)
def test_the_logits_are_those_of_the_model_without_its_activation(activation, wrapper):
    x = keras.Input((6, 4))
    for form, layer in layered(activation, 3):
        model = keras.Model(x, WRAPPERS[wrapper](layer, x))
        engine = compute(model)
        head = engine.signature.outputs[0]
        assert (head.activation, head.logits_verified) == (activation, True), form
        index = (0,) * len(head.shape)
        (choice,) = resolve_target(
            parse_target("unit:" + ",".join("0" * len(index))), engine.signature, "auto", ()
        )
        name = engine.signature.inputs[0].name
        scores = engine.run_first_pass({name: X}, [choice], [name]).scores[0]
        expected = np.asarray(logits(model, activation)(X))[(slice(None), *index)]
        np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5, err_msg=form)


def test_steps_of_any_number_are_seen_too():
    x = keras.Input((None, 4))
    model = keras.Model(x, STEPS(L.Dense(3, activation="softmax"))(x))
    head = compute(model).signature.outputs[0]
    assert (head.activation, head.logits_verified, head.axis % 2) == ("softmax", True, 1)


@pytest.mark.parametrize("activation", ENDINGS[:2])
@pytest.mark.parametrize("bias", [[40, -40, -60], [-90, -90, -90], [90, 90, 90], [0, 0, 0]])
def test_a_saturated_activation_is_the_declared_one(activation, bias):
    """Where it is saturated, a softmax is a sigmoid in every digit."""
    x = keras.Input((4,))
    layer = L.Dense(3, activation=activation)
    model = keras.Model(x, layer(x))
    layer.set_weights([1e-3 * np.ones((4, 3)), np.array(bias, float)])
    assert compute(model, X[:, 0]).signature.outputs[0].activation == activation


@pytest.mark.filterwarnings("ignore:.*softmax over axis")
def test_a_saturated_softmax_of_one_unit_is_no_sigmoid():
    x = keras.Input((4,))
    layer = L.Dense(1, activation="softmax")
    model = keras.Model(x, layer(x))
    layer.set_weights([np.ones((4, 1)), np.array([40.0])])
    head = compute(model, X[:, 0]).signature.outputs[0]
    assert (head.activation, head.is_binary) == ("softmax", False)


def test_two_activations_side_by_side_are_none():
    x = keras.Input((4,))
    two = [L.Dense(2, activation=name)(x) for name in ("softmax", "sigmoid")]
    assert (
        not compute(keras.Model(x, L.Concatenate()(two)), X[:, 0])
        .signature.outputs[0]
        .logits_verified
    )

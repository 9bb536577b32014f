"""Guided backpropagation and the deconvnet: known on paper, however a ReLU comes."""

import keras
import numpy as np
import pytest

from .ruled import dense, explain, layers, numbers, plain, shaken, values

X = numbers(5, 4, seed=3)


def by_hand(model, x, gated):
    """Return the rule's answer for unit 0 of three dense layers with ReLUs between."""
    w1, b1, w2, b2, w3, _ = model.get_weights()
    z1 = x @ w1 + b1
    z2 = np.maximum(z1, 0) @ w2 + b2
    back = np.maximum(np.broadcast_to(w3[:, 0], z2.shape), 0)
    back = np.maximum((back * (z2 > 0) if gated else back) @ w2.T, 0)
    return (back * (z1 > 0) if gated else back) @ w1.T


@pytest.mark.parametrize("name", ["guided-backprop", "deconvnet"])
def test_three_dense_layers_as_on_paper(name):
    model = dense(6, 5)
    result = explain(name, model, X)
    expected = by_hand(model, X, name == "guided-backprop")
    np.testing.assert_allclose(next(iter(result.values.values())), expected, rtol=1e-4, atol=1e-6)
    assert result.facts == {"rules": 2}
    assert not np.allclose(expected, plain(model, X))


@keras.saving.register_keras_serializable(package="rules")
class Choosing(layers.Layer):
    def call(self, x):
        return keras.ops.where(x > 0, x, 0.0)


@keras.saving.register_keras_serializable(package="rules")
class Masking(layers.Layer):
    def call(self, x):
        return x * keras.ops.cast(x > 0, x.dtype)


@keras.saving.register_keras_serializable(package="rules")
class Written(layers.Layer):
    def call(self, x):
        import tensorflow as tf

        return tf.nn.relu(x)


class Subclassed(keras.Model):
    def __init__(self, first, last):
        super().__init__()
        self.first, self.last = first, last

    def call(self, x):
        import tensorflow as tf

        return self.last(tf.maximum(self.first(x), 0.0))


RELUS = {
    "argument": lambda: [layers.Dense(6, activation="relu")],
    "function": lambda: [layers.Dense(6, activation=keras.ops.relu)],
    "lambda": lambda: [layers.Dense(6, activation=lambda x: keras.ops.maximum(x, 0.0))],
    "layer": lambda: [layers.Dense(6), layers.ReLU()],
    "activation layer": lambda: [layers.Dense(6), layers.Activation("relu")],
    "leaky layer of slope 0": lambda: [layers.Dense(6), layers.LeakyReLU(negative_slope=0.0)],
    "custom layer": lambda: [layers.Dense(6), Written()],
    "choice": lambda: [layers.Dense(6), Choosing()],
    "mask": lambda: [layers.Dense(6), Masking()],
    "nested": lambda: [keras.Sequential([layers.Dense(6), layers.ReLU()])],
}


def model_with(relu):
    return shaken(keras.Sequential([keras.Input((4,)), *relu, layers.Dense(2)]))


@pytest.mark.parametrize("name", ["guided-backprop", "deconvnet"])
@pytest.mark.parametrize("kind", RELUS)
def test_a_relu_is_a_relu_however_it_comes(name, kind):
    expected = explain(name, model_with(RELUS["argument"]()), X)
    result = explain(name, model_with(RELUS[kind]()), X)
    assert result.facts == {"rules": 1}
    np.testing.assert_allclose(
        next(iter(result.values.values())), next(iter(expected.values.values())), rtol=1e-5
    )


def test_an_operation_of_a_functional_model_and_a_subclassed_model():
    plain_one = model_with(RELUS["argument"]())
    first, last = plain_one.layers
    entry = keras.Input((4,))
    bare = layers.Dense(6)
    bare.build((None, 4))
    bare.set_weights(first.get_weights())
    functional = keras.Model(entry, last(keras.ops.relu(bare(entry))))
    subclassed = Subclassed(bare, last)
    subclassed(X)
    expected = values("guided-backprop", plain_one, X)
    for model in (functional, subclassed):
        np.testing.assert_allclose(values("guided-backprop", model, X), expected, rtol=1e-5)


@pytest.mark.parametrize("layer", [layers.LeakyReLU, layers.PReLU, layers.ELU])
def test_the_kin_of_relu_lets_nothing_through_where_it_is_closed(layer):
    """Where z > 0 their slope is one: so they go back as ReLU does, from the same forward pass."""
    model = shaken(keras.Sequential([keras.Input((4,)), layers.Dense(6), layer(), layers.Dense(2)]))
    w1, b1 = model.layers[0].get_weights()
    w2 = model.layers[-1].get_weights()[0]
    opened = X @ w1 + b1 > 0
    positive = np.broadcast_to(np.maximum(w2[:, 0], 0), opened.shape)
    result = explain("guided-backprop", model, X)
    assert result.facts == {"rules": 1}
    np.testing.assert_allclose(
        next(iter(result.values.values())), (positive * opened) @ w1.T, rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(values("deconvnet", model, X), positive @ w1.T, rtol=1e-4, atol=1e-6)


def test_gates_made_of_relu6_are_no_relus():
    """Hard sigmoid and hard swish hold a ReLU6; only the real one counts."""
    entry = keras.Input((4,))
    x = layers.Dense(6, activation="hard_silu")(entry)
    x = layers.Dense(6, activation="hard_sigmoid")(x)
    model = shaken(keras.Model(entry, layers.Dense(2)(layers.ReLU(max_value=6.0)(x))))
    assert explain("guided-backprop", model, X).facts == {"rules": 1}


def test_a_derivative_that_somebody_wrote_is_kept():
    """Rounding with a straight-through derivative, and SiLU, which brings its own."""
    import tensorflow as tf

    @tf.custom_gradient
    def rounded(x):
        return tf.round(x), lambda upstream: 3.0 * upstream

    class Rounding(layers.Layer):
        def call(self, x):
            return rounded(x)

    layer_list = [Rounding(), layers.ReLU(), layers.Dense(5, activation="silu"), layers.Dense(2)]
    model = shaken(keras.Sequential([keras.Input((4,)), *layer_list]))
    expected = plain(model, X)
    opened = np.round(X) > 0
    assert explain("guided-backprop", model, X).facts == {"rules": 1}
    np.testing.assert_allclose(
        values("guided-backprop", model, X), np.maximum(expected, 0) * opened, rtol=1e-4, atol=1e-6
    )


def test_max_pooling_goes_back_to_its_winners():
    model = shaken(
        keras.Sequential(
            [
                keras.Input((6, 6, 1)),
                layers.Conv2D(3, 3, activation="relu"),
                layers.MaxPooling2D(2),
                layers.Flatten(),
                layers.Dense(2),
            ]
        )
    )
    model.layers[-1].kernel.assign(np.abs(model.layers[-1].kernel))
    x = numbers(2, 6, 6, 1)
    expected = plain(model, x)  # nothing negative arrives at the ReLU: all three agree
    np.testing.assert_allclose(values("guided-backprop", model, x), expected, rtol=1e-4, atol=1e-6)

"""Guided Grad-CAM is a product, at the size of the input."""

import keras
import numpy as np

from inputgrad_cli.interfaces.method import methods
from inputgrad_cli.numeric.resize import resize_maps
from tests.small_networks import Counting, engine_of, network_case, pooled

TAP, SHAPE = "layer:maps", (3, 4, 1)
NAMES = ("grad-cam", "guided-grad-cam", "guided-backprop")


def test_it_is_the_product():
    x = {"x": np.random.default_rng(5).normal(size=(3, *SHAPE)).astype(np.float32)}
    engine = engine_of(pooled([1.0, -2.0], [[3.0], [-1.0]], SHAPE), x, batch_size=2)
    asked = network_case(engine, x)
    spy = Counting(engine)
    coarse, product, guided = (methods.build(n).attribute(spy, asked) for n in NAMES)
    expected = coarse.values[TAP][..., np.newaxis] * guided.values["x"]
    np.testing.assert_allclose(product.values["x"], expected, rtol=1e-5)
    assert product.facts == {"layer": TAP, "rules": 1}
    # Once each for the parts, once for the product.
    assert spy.asked == {"compute_layer": 6, "propagate_relevance": 6}


def test_coarse_maps_go_to_the_size_of_the_input():
    layers = keras.layers
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            layers.Input((8, 6, 3), name="x"),
            layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="maps"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(1, name="y"),
        ]
    )
    x = np.random.default_rng(2).normal(size=(2, 8, 6, 3)).astype(np.float32)
    engine = engine_of(model, {"x": x})
    asked = network_case(engine, {"x": x})
    coarse, product, guided = (
        methods.build(name).attribute(engine, asked).values for name in NAMES
    )
    assert coarse[TAP].shape == (2, 4, 3)
    large = resize_maps(coarse[TAP], (8, 6))[..., np.newaxis]
    np.testing.assert_allclose(product["x"], large * guided["x"], rtol=1e-5, atol=1e-7)

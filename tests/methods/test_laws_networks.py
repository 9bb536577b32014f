"""Laws of the methods that need a real network: layers with maps, or layers that have rules."""

import dataclasses
import re

import keras
import numpy as np
import pytest
from keras.initializers import Constant, RandomUniform

from inputgrad_cli.interfaces.method import methods
from inputgrad_cli.methods import methods as registered
from tests.methods import test_laws as laws
from tests.small_networks import Counting, engine_of, network_case

ALL = [cls for cls in registered if cls.needs in ("layer", "network")]
SHAPE = (6, 5, 2)


@pytest.fixture(params=ALL, ids=[cls.name for cls in ALL])
def method(request):
    return request.param()


@pytest.fixture(scope="module")
def x():
    drawn = np.random.default_rng(7).normal(size=(4, *SHAPE)).astype(np.float32)
    # A ReLU's kink or a pooling tie would make the last digits decide; these samples have none.
    return {"x": drawn}


def network(order=None):
    """Return two convolutions and two dense layers; `order` permutes what is inside."""
    keras.utils.set_random_seed(11)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input(SHAPE, name="x"),
            layers.Conv2D(5, 3, padding="same", activation="relu", bias_initializer="normal"),
            layers.Conv2D(4, 3, bias_initializer="normal", name="maps"),
            layers.ReLU(name="after"),
            layers.Flatten(),
            layers.Dense(6, activation="relu", bias_initializer="normal"),
            layers.Dense(2, name="y"),
        ]
    )
    if order is not None:
        first, second = model.layers[0], model.layers[1]
        kernel, bias = first.get_weights()
        first.set_weights([kernel[..., order], bias[order]])
        kernel, bias = second.get_weights()
        second.set_weights([kernel[:, :, order], bias])
    return model


@pytest.fixture(scope="module")
def model():
    return network()


def values(method, model, inputs, batch_size=16, **options):
    engine = engine_of(model, inputs, batch_size)
    return method.attribute(engine, network_case(engine, inputs, **options)).values


def alike(actual, other, rows=slice(None), tolerance=1e-5):
    assert set(actual) == set(other)
    for site, array in actual.items():
        near = tolerance * np.abs(array).max()
        np.testing.assert_allclose(array[rows], other[site], rtol=0, atol=near)


def test_a_batch_equals_its_samples_one_by_one(method, model, x):
    whole = values(method, model, x)
    for row in range(4):
        alone = values(method, model, {"x": x["x"][row : row + 1]})
        alike(whole, alone, slice(row, row + 1))


def test_the_size_of_a_pass_does_not_matter(method, model, x):
    alike(values(method, model, x), values(method, model, x, batch_size=3))


def test_the_order_of_samples_does_not_matter(method, model, x):
    order = [2, 0, 3, 1]
    alike(values(method, model, x), values(method, model, {"x": x["x"][order]}), order)


def test_traced_is_eager(method, model, x):
    engine = engine_of(model, x, traced=True)
    traced = method.attribute(engine, network_case(engine, x)).values
    alike(values(method, model, x), traced)


def test_no_pass_is_larger_than_the_engine_wants(method, model, x):
    """Methods hand over a batch at most; the engine cuts what is larger than a pass."""
    engine = engine_of(model, x, batch_size=4)
    spy = Counting(engine)
    method.attribute(spy, network_case(engine, x))
    assert spy.largest <= 4


def test_the_order_of_channels_inside_does_not_matter(method, model, x):
    """Two networks of one function, and of the same units, are explained alike."""
    alike(values(method, model, x), values(method, network([3, 0, 4, 1, 2]), x), tolerance=1e-4)


def test_a_batch_twice_gives_the_same_bits(method, model, x):
    first, second = values(method, model, x), values(method, model, x)
    assert all(np.array_equal(first[site], second[site]) for site in first)


def test_no_method_feels_the_seed_unless_it_says_so(method, model, x):
    first, second = (values(method, model, x, seed=seed) for seed in (0, 1))
    same = all(np.array_equal(first[site], second[site]) for site in first)
    assert same != method.random


def test_an_input_that_is_not_used_gets_nothing(method, x):
    layers = keras.layers
    a, b = keras.Input(SHAPE, name="a"), keras.Input(SHAPE, name="b")
    unused = layers.Conv2D(2, 1, kernel_initializer="zeros", use_bias=False)(b)
    both = layers.Concatenate()([layers.Conv2D(3, 2, activation="relu", name="maps")(a)])
    both = layers.Concatenate()([layers.Flatten()(both), layers.Flatten()(unused)])
    keras.utils.set_random_seed(2)
    model = keras.Model([a, b], layers.Dense(1, name="y")(both))
    if any(field.name == "layer" for field in dataclasses.fields(method)):
        method = dataclasses.replace(method, layer="maps")
    result = values(method, model, {"a": x["x"], "b": x["x"][::-1].copy()})
    assert all(array.any() for site, array in result.items() if site != "b")
    assert "b" not in result or not result["b"].any()


def test_values_are_finite_float32_of_the_site(method, model, x):
    for site, array in values(method, model, x).items():
        assert array.dtype == np.float32
        assert np.isfinite(array).all()
        assert array.shape[0] == 4
        assert site == "x" or site.startswith("layer:")
        assert array.any()
        assert method.sign != "positive" or array.min() >= 0
        if site == "x":
            assert array.shape == x["x"].shape


def test_complete_methods_sum_to_the_difference_of_scores(method, model, x):
    engine = engine_of(model, x)
    asked = network_case(engine, x, baseline=0.3)
    result = method.attribute(engine, asked)
    assert (result.completeness is not None) == method.complete
    if not method.complete:
        return
    base = engine.compute_scores(asked.baseline, asked.target)
    total = sum(array.reshape(4, -1).sum(axis=1) for array in result.values.values())
    np.testing.assert_allclose(total, asked.scores - base, rtol=0.01)
    np.testing.assert_allclose(result.baseline_scores, base, rtol=1e-5)
    assert result.completeness.ok.all()


def test_a_linear_model_is_explained_exactly(method):
    """Its ReLU, without which some have no rule to apply, is on everywhere."""
    if not method.linear_exact:
        return
    layers = keras.layers
    shape = laws.W.shape
    model = keras.Sequential([layers.Input(shape, name="x"), layers.Dense(1), layers.ReLU()])
    model.set_weights([laws.W[:, np.newaxis], np.array([10.0])])
    result = values(method, model, {"x": laws.X.astype(np.float32)}, baseline=0.5)["x"]
    expected = laws.linear_values(method, np.full_like(laws.X, 0.5))
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


def test_zeros_get_zeros_from_methods_that_multiply_by_the_input_and_no_others(method, x):
    """No bias is zero, and every unit is on, so nothing else makes a map zero."""
    layers = keras.layers
    keras.utils.set_random_seed(4)
    model = keras.Sequential(
        [
            layers.Input(SHAPE, name="x"),
            # At a first convolution LRP's composite would not multiply by the input.
            layers.Dense(3, bias_initializer="ones"),
            layers.Conv2D(4, 3, bias_initializer=Constant(50.0), name="maps"),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(1, kernel_initializer=RandomUniform(0.1, 0.5), name="y"),
        ]
    )
    results = [values(method, model, {"x": a}, baseline=0.3) for a in (x["x"], 0 * x["x"])]
    at_x, at_zero = (any(array.any() for array in result.values()) for result in results)
    assert (at_x and not at_zero) == method.multiplies_by_input


def test_the_words_of_the_class_are_among_those_that_are_known(method):
    laws.test_the_words_of_the_class_are_among_those_that_are_known(method)


def test_parameters_have_help_and_a_paper_can_be_followed(method):
    assert re.fullmatch(r"(arXiv:\d{4}\.\d{4,5}|doi:\S+)?", method.paper)
    assert all(field.metadata.get("help") for field in dataclasses.fields(method) if field.init)
    assert methods.get(method.name) is type(method)

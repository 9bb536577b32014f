"""Laws that every registered method obeys; a new method is tested here without a line more."""

import dataclasses

import numpy as np
import pytest

from inputgrad_cli.attribution import sums
from inputgrad_cli.methods import methods
from tests.engines import Spy, case, linear, product, quadratic, relu

X = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0], [0.1, 0.2, 0.3], [-4.0, 1.0, 2.0]])
W = np.array([2.0, -1.0, 0.5])
ALL = list(methods)


def values(method, engine, *args, **kwargs):
    return method.attribute(engine, case(engine, *args, **kwargs)).values["x"]


@pytest.fixture(params=ALL, ids=[cls.name for cls in ALL])
def method(request):
    return request.param()


def test_a_linear_model_is_explained_exactly(method):
    found = values(method, linear(W, 3.0), X, {"x": X * 0 + 0.5})
    expected = {
        "gradient": np.broadcast_to(W, X.shape),
        "input times gradient": W * X,
        "difference times gradient": W * (X - 0.5),
    }[method.linear_exact]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_complete_methods_sum_to_the_difference_of_scores(method):
    if not method.complete:
        assert method.attribute(linear(W), case(linear(W), X)).completeness is None
        return
    engine = quadratic(W)
    base = np.full_like(X, 0.5)
    found = method.attribute(engine, case(engine, X, {"x": base}))
    difference = engine.f({"x": X}) - engine.f({"x": base})
    np.testing.assert_allclose(sums(found.values), difference, rtol=0.01)
    np.testing.assert_allclose(found.completeness.difference, difference, rtol=1e-5)
    assert found.completeness.ok.all()


def test_a_batch_equals_its_samples_one_by_one(method):
    engine = quadratic(W)
    whole = values(method, engine, X)
    single = np.concatenate([values(method, engine, X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_allclose(whole, single, rtol=1e-5, atol=1e-5)


def test_the_size_of_a_pass_does_not_matter(method):
    found = [values(method, dataclass_batch(size), X) for size in (1, 3, 64)]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[0], found[2], rtol=1e-5, atol=1e-5)


def dataclass_batch(size):
    engine = quadratic(W)
    engine.batch_size = size
    return engine


def test_the_order_of_samples_does_not_matter(method):
    order = [2, 0, 3, 1]
    engine = relu(W)
    np.testing.assert_allclose(
        values(method, engine, X)[order], values(method, engine, X[order]), rtol=1e-6, atol=1e-6
    )


def test_an_input_that_is_not_used_gets_nothing(method):
    found = values(method, quadratic([2.0, 0.0, 1.0]), X)
    assert np.all(found[:, 1] == 0)
    assert np.any(found[:, 0] != 0)


def test_the_same_seed_gives_the_same_bits(method):
    engine = quadratic(W)
    np.testing.assert_array_equal(values(method, engine, X), values(method, engine, X))


def test_only_random_methods_feel_the_seed(method):
    engine = quadratic(W)
    first, second = (values(method, engine, X, seed=seed) for seed in (0, 1))
    assert np.array_equal(first, second) != method.random


def test_inputs_outside_the_sites_stay_at_their_value(method):
    engine = Spy(product())
    a, b = X[:, :3], X[:, ::-1] + 2.0
    found = method.attribute(engine, case(engine, {"a": a, "b": b}, sites=["a"]))
    assert set(found.values) == {"a"}
    allowed = {row.astype(np.float32).tobytes() for row in b}
    assert {point["b"].tobytes() for point in engine.derived} <= allowed


def test_no_pass_is_larger_than_the_engine_wants(method):
    engine = Spy(quadratic(W))
    method.attribute(engine, case(engine, X))
    assert engine.largest <= engine.batch_size


def test_values_are_float32_of_the_inputs_shape(method):
    found = values(method, quadratic(W), X)
    assert found.dtype == np.float32
    assert found.shape == X.shape


def test_parameters_have_help_and_a_paper_stands_behind(method):
    assert method.paper.startswith("arXiv:")
    assert all(field.metadata.get("help") for field in dataclasses.fields(method) if field.init)


def test_the_registry_holds_the_methods():
    assert {"gradient", "input-x-gradient", "smoothgrad", "integrated-gradients"} <= {
        cls.name for cls in ALL
    }

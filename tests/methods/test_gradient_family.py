"""Gradients, and means over noisy copies."""

from math import erf, sqrt

import numpy as np
import pytest

from inputgrad_cli.errors import UsageError
from inputgrad_cli.methods import methods
from inputgrad_cli.numeric.running_moments import Moments
from tests.formula_engines import Spy, linear, product, quadratic, relu
from tests.methods import test_laws as laws

from . import W, X, run

NOISY = ["smoothgrad", "smoothgrad-squared", "vargrad"]
LEVEL = 0.15 * (X.max(axis=1) - X.min(axis=1))[:, None]


def copies(engine):
    """Return what was asked about, copies by sample: (samples, copies, features)."""
    points = np.array([point["x"] for point in engine.derived], np.float64)
    return points.reshape(len(X), -1, 3)


def test_gradient_of_a_quadratic():
    np.testing.assert_allclose(run("gradient", quadratic(W), X).values["x"], 2 * W * X)


def test_input_x_gradient_of_a_quadratic():
    np.testing.assert_allclose(
        run("input-x-gradient", quadratic(W), X).values["x"], 2 * W * X * X, rtol=1e-6
    )


def test_gradients_of_a_product_of_two_inputs():
    a, b = X, X[:, ::-1].copy()
    result = run("gradient", product(), {"a": a, "b": b})
    np.testing.assert_array_equal(result.values["a"], b)
    np.testing.assert_array_equal(result.values["b"], a)


def test_without_noise_each_is_known():
    expected = {"smoothgrad": 2 * W * X, "smoothgrad-squared": (2 * W * X) ** 2, "vargrad": 0 * X}
    for name, values in expected.items():
        result = run(f"{name}:noise=0,samples=3", quadratic(W), X)
        np.testing.assert_allclose(result.values["x"], values, rtol=1e-6)
        np.testing.assert_array_equal(result.standard_error.mean, 0)


@pytest.mark.parametrize("name", NOISY)
@pytest.mark.parametrize("inner", ["gradient", "input-x-gradient"])
def test_what_a_mean_does_with_an_input_of_zeros_is_what_its_inner_method_does(name, inner):
    method = methods.build(f"{name}:samples=4,of={inner}")
    assert method.multiplies_by_input == (inner == "input-x-gradient")
    laws.test_zeros_get_zeros_from_methods_that_multiply_by_the_input_and_no_others(method)


def test_smoothgrad_nears_the_mean_gradient_under_noise():
    """The gradient of a ReLU under noise s is w Phi(x / s): half of w at zero, all far out."""
    x = np.array([[0.0, 1.0, -1.0]])
    result = run("smoothgrad:samples=4000,noise=0.25", relu(W), x).values["x"][0]
    phi = [0.5 * (1 + erf(v / 0.5 / sqrt(2))) for v in x[0]]  # 0.25 of max - min = 0.5
    np.testing.assert_allclose(result, W * phi, atol=0.05)


def test_squares_and_variances_near_their_limits_on_a_quadratic():
    """The gradient 2 w (x + n) has the variance (2 w s)^2, and the mean square beside it."""
    spread = (2 * W * LEVEL) ** 2
    squared = run("smoothgrad-squared:samples=4000", quadratic(W), X).values["x"]
    np.testing.assert_allclose(squared, (2 * W * X) ** 2 + spread, rtol=0.1)
    variance = run("vargrad:samples=4000", quadratic(W), X).values["x"]
    np.testing.assert_allclose(variance, spread, rtol=0.1)


@pytest.mark.parametrize("samples", [2, 5, 33])
def test_each_is_the_textbook_formula_over_its_copies(samples):
    expected = {
        "smoothgrad": lambda g: g.mean(axis=1),
        "smoothgrad-squared": lambda g: (g**2).mean(axis=1),
        "vargrad": lambda g: g.var(axis=1, ddof=1),
    }
    for name, formula in expected.items():
        engine = Spy(quadratic(W))
        result = run(f"{name}:samples={samples}", engine, X)
        np.testing.assert_allclose(
            result.values["x"], formula(2 * W * copies(engine)), rtol=1e-5, atol=1e-6
        )
        assert result.standard_error.samples.tolist() == [samples, samples]


def test_the_three_look_at_the_same_copies():
    engines = [Spy(quadratic(W)) for _ in NOISY]
    for name, engine in zip(NOISY, engines, strict=True):
        run(f"{name}:samples=4", engine, X)
    np.testing.assert_array_equal(copies(engines[0]), copies(engines[1]))
    np.testing.assert_array_equal(copies(engines[0]), copies(engines[2]))


def test_variance_is_unbiased_for_few_samples():
    """Of two copies, the mean over many seeds is the true variance: dividing by n halves it."""
    results = [
        run("vargrad:samples=2", quadratic(W), X, seed=seed).values["x"] for seed in range(800)
    ]
    np.testing.assert_allclose(np.mean(results, axis=0), (2 * W * LEVEL) ** 2, rtol=0.25)


def test_mirrored_pairs_have_the_true_variance_too():
    """On a quadratic their means are all alike: the variance stands in their differences."""
    result = run("vargrad:samples=4000,antithetic=true", quadratic(W), X).values["x"]
    np.testing.assert_allclose(result, (2 * W * LEVEL) ** 2, rtol=0.1)


def test_mirrored_pairs_cancel_what_is_linear_in_the_noise():
    engine = Spy(quadratic(W))
    result = run("smoothgrad:samples=6,antithetic=true", engine, X)
    np.testing.assert_allclose(result.values["x"], 2 * W * X, rtol=1e-5)
    assert len(engine.derived) == 12
    assert np.all(result.standard_error.relative < 1e-5)


def test_smoothgrad_of_another_method():
    result = run('smoothgrad:samples=2,noise=0,of="integrated-gradients:steps=3"', quadratic(W), X)
    np.testing.assert_allclose(result.values["x"], W * X**2, rtol=1e-5)


def test_the_standard_error_of_a_map_is_that_of_its_copies():
    engine = Spy(quadratic(W))
    result = run("smoothgrad:samples=40", engine, X)
    gradients = 2 * W * copies(engine)
    error = gradients.std(axis=1, ddof=1) / sqrt(40)
    np.testing.assert_allclose(result.standard_error.mean, error.mean(axis=1), rtol=1e-4)
    largest = np.abs(gradients.mean(axis=1)).max(axis=1)
    np.testing.assert_allclose(
        result.standard_error.relative, error.mean(axis=1) / largest, rtol=1e-4
    )


def test_the_standard_error_covers_the_truth():
    """Over 200 seeds the mean misses the true gradient by about one standard error."""
    results = [run("smoothgrad:samples=20", quadratic(W), X[:1], seed=seed) for seed in range(200)]
    misses = [np.sqrt(np.mean((f.values["x"] - 2 * W * X[:1]) ** 2)) for f in results]
    errors = [f.standard_error.mean[0] for f in results]
    assert 0.8 < np.mean(misses) / np.mean(errors) < 1.6


@pytest.mark.parametrize("name", NOISY)
def test_drawing_stops_when_the_error_is_small_enough(name):
    sure = run(f"{name}:samples=2000,se=0.05", quadratic(W), X).standard_error
    assert np.all(sure.relative <= 0.05)
    assert np.all(sure.samples < 2000)
    assert np.all(sure.samples % 16 == 0)
    unsure = run(f"{name}:samples=20,se=1e-9", quadratic(W), X).standard_error
    assert unsure.samples.tolist() == [20, 20]


@pytest.mark.parametrize("size", [1, 5, 64])
def test_where_drawing_stops_is_no_matter_of_batches(size):
    engine = quadratic(W)
    engine.batch_size = size
    text = "smoothgrad:samples=500,se=0.03"
    both = run(text, engine, X)
    alone = run(text, engine, X[1:])
    assert both.standard_error.samples[1] == alone.standard_error.samples[0]
    np.testing.assert_allclose(both.values["x"][1:], alone.values["x"], rtol=1e-6)
    np.testing.assert_allclose(both.values["x"], run(text, quadratic(W), X).values["x"], rtol=1e-6)


def test_one_copy_has_no_standard_error():
    assert np.isnan(run("smoothgrad:samples=1", quadratic(W), X).standard_error.mean).all()


@pytest.mark.parametrize(
    ("text", "derived"),
    [
        ("gradient", 2),
        ("input-x-gradient", 2),
        *((f"{name}:samples=50", 100) for name in NOISY),
        *((f"{name}:samples=50,antithetic=true", 100) for name in NOISY),
    ],
)
def test_no_method_asks_more_than_its_definition_needs(text, derived):
    engine = Spy(linear(W))
    result = run(text, engine, X)
    assert len(engine.derived) == derived
    assert len(engine.scored) == len(X)  # those that the case itself was made with
    assert set(result.values) == {"x"}


@pytest.mark.parametrize("name", NOISY)
def test_passes_do_not_grow_with_samples(name):
    engine = Spy(linear(W))
    run(f"{name}:samples=1000", engine, X)
    assert engine.largest == engine.batch_size


def test_moments_are_those_of_numpy():
    terms = np.random.default_rng(0).normal(size=(9, 3)) + 1e6
    moments = Moments({"x": np.zeros((1, 3))})
    for term in terms:
        moments.add(0, {"x": term})
    np.testing.assert_allclose(moments.mean["x"][0], terms.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(
        moments.compute_variance("x")[0], terms.var(axis=0, ddof=1), rtol=1e-8
    )


@pytest.mark.parametrize(
    "text",
    [
        "smoothgrad:samples=0",
        "smoothgrad:noise=-1",
        "smoothgrad:of=smoothgrad",
        "smoothgrad:of=vargrad",
        "smoothgrad:of=nothing",
        "smoothgrad:sampels=3",
        "smoothgrad:se=-1",
        "smoothgrad:samples=5,antithetic=true",
        "smoothgrad:antithetic=perhaps",
        "smoothgrad-squared:of=smoothgrad",
        "vargrad:samples=1",
        "vargrad:samples=2,antithetic=true",
        "gradients",
    ],
)
def test_wrong_parameters_are_refused_before_any_work(text):
    with pytest.raises(UsageError):
        methods.build(text)

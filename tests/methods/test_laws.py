"""Laws that every registered method obeys; a new method is tested here without a line more."""

import dataclasses
import re
from dataclasses import replace

import numpy as np
import pytest

from inputgrad_cli.data.attribution_results import sum_sites
from inputgrad_cli.describe.methods import FAMILIES, NEEDS
from inputgrad_cli.errors import UsageError
from inputgrad_cli.methods import methods
from inputgrad_cli.numeric.blur import blur
from inputgrad_cli.option_choices import REDUCTIONS
from tests.formula_engines import Spy, asked, case, linear, neighbours, product, quadratic, relu

X = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0], [0.1, 0.2, 0.3], [-4.0, 1.0, 2.0]])
W = np.array([2.0, -1.0, 0.5])
ROWS = {"x": np.array([[0.0, 0.5, -1.0], [1.0, 1.5, 0.25], [-0.5, 2.0, 0.5]], np.float32)}
# Methods of layers have laws of their own: their values have a layer's shape, or its rules.
ALL = [cls for cls in methods if cls.needs not in ("layer", "network")]


def values(method, engine, *args, **kwargs):
    return asked(method, engine, case(engine, *args, **kwargs), ROWS).values["x"]


def far(method, x, base):
    """Return the point that a method compares with."""
    if not hasattr(method, "sigma"):
        return base
    pictures = x.reshape(len(x), 1, -1, 1)
    return blur(pictures, method.sigma, (1, 2)).reshape(x.shape)


@pytest.fixture(params=ALL, ids=[cls.name for cls in ALL])
def method(request):
    return request.param()


# What the words of `linear_exact` mean on y = W x + b: formulas of the inputs, and of their
# difference from the point that the method compares them with.
LINEAR_VALUES = {
    "gradient": lambda x, difference: np.broadcast_to(W, x.shape),
    "input times gradient": lambda x, difference: W * x,
    "difference times gradient": lambda x, difference: W * difference,
    "difference from the blurred input times gradient": lambda x, difference: W * difference,
    "difference of scores shared by gradient squared": lambda x, difference: (
        W**2 / (W @ W) * (difference @ W)[:, None]
    ),
    "gradient squared": lambda x, difference: np.broadcast_to(W**2, x.shape),
    "zero": lambda x, difference: np.zeros_like(x),
}


def linear_values(method, base):
    """Return what the method promises for X; its words must be among those with a formula."""
    if method.linear_exact not in LINEAR_VALUES:
        pytest.fail(
            f"{method.name}: linear_exact is {method.linear_exact!r}, which has no formula; add it "
            "to LINEAR_VALUES in tests/methods/test_laws.py, or leave linear_exact empty"
        )
    return LINEAR_VALUES[method.linear_exact](X, X - far(method, X, base))


def test_a_linear_model_is_explained_exactly(method):
    if not method.linear_exact:
        return
    base = np.full_like(X, 0.5)
    question = case(linear(W, 3.0), X, {"x": base})
    result = asked(method, linear(W, 3.0), question).values["x"]
    np.testing.assert_allclose(result, linear_values(method, base), rtol=1e-5, atol=1e-5)


def test_zeros_get_zeros_from_methods_that_multiply_by_the_input_and_no_others(method):
    """The model has a slope, a bias and another baseline, so nothing else makes a map zero."""
    base = {"x": np.full_like(X, 0.5)}
    at_x, at_zero = (values(method, linear(W, 3.0), x, base) for x in (X, np.zeros_like(X)))
    assert (at_x.any() and not at_zero.any()) == method.multiplies_by_input


def test_values_per_input_change_with_the_unit_of_the_inputs_and_others_do_not(method):
    """The same samples in half the unit: every number is twice as large, every slope half."""
    base, results = np.full_like(X, 0.5), []
    first = case(quadratic(W), X)
    for factor in (1.0, 2.0):
        engine = quadratic(W / factor**2)
        question = case(engine, X * factor, {"x": base * factor})
        question = replace(question, seeds=first.seeds)  # which depend on the numbers
        result = asked(method, engine, question, {"x": ROWS["x"] * np.float32(factor)})
        results.append(result.values["x"])
    changed = not np.allclose(*results, rtol=1e-3, atol=1e-5)
    assert changed == method.per_input


def test_positive_methods_give_nothing_below_zero(method):
    for weights in (W, -W):
        result = values(method, quadratic(weights), X)
        assert method.sign != "positive" or result.min() >= 0


def test_known_gradients_save_a_pass_where_they_are_part_of_the_definition(method):
    """A run takes the gradients of its first pass only if a method says that it uses them."""
    engine, counts = quadratic(W), []
    question = case(engine, X, {"x": np.full_like(X, 0.5)})
    known = engine.compute_gradients(question.inputs, question.target, question.sites)
    for gradients in (None, known):
        spy = Spy(engine)
        asked(method, spy, replace(question, gradients=gradients), ROWS)
        counts.append(len(spy.derived))
    assert (counts[1] < counts[0]) == method.uses_clean_gradient


def test_the_words_of_the_class_are_among_those_that_are_known(method):
    assert method.reduce in REDUCTIONS
    assert method.sign in ("signed", "positive", "either")
    assert method.family in FAMILIES
    assert method.needs in ("", *NEEDS)


def test_complete_methods_sum_to_the_difference_of_scores(method):
    engine = quadratic(W)
    base = np.full_like(X, 0.5)
    result = asked(method, engine, case(engine, X, {"x": base}))
    if not method.complete:
        assert result.completeness is None
        return
    difference = engine.f({"x": X}) - engine.f({"x": far(method, X, base)})
    np.testing.assert_allclose(sum_sites(result.values), difference, rtol=0.01)
    np.testing.assert_allclose(result.completeness.difference, difference, rtol=1e-4)
    assert result.completeness.ok.all()


def test_the_gap_is_recorded_where_the_promise_cannot_be_kept(method):
    """A jump that no gradient shows: a method that asks for gradients must say that it failed.

    One that asks for scores sees the jump, and keeps its promise.
    """
    engine = relu(W)
    engine.f = lambda x: np.where(x["x"][:, 0] > 0.37, 5.0, 0.0)
    engine.df = lambda x: {"x": np.zeros_like(x["x"])}
    result = asked(method, engine, case(engine, np.array([[1.0, -4.0, 0.0]])))
    if method.complete:
        seen = method.family == "perturbation"
        assert result.completeness.gap[0] == pytest.approx(0.0 if seen else 1.0, abs=1e-6)
        assert result.completeness.ok.all() == seen


def test_two_formulas_of_one_function_are_explained_alike(method):
    """X = max(x, 0) - max(-x, 0), whichever way it is computed."""
    two = relu(W)
    two.f = lambda x: (np.maximum(x["x"], 0) - np.maximum(-x["x"], 0)) @ W
    two.df = lambda x: {"x": W * (x["x"] > 0) + W * (x["x"] < 0)}
    base = {"x": np.full_like(X, 0.13)}
    results = [values(method, engine, X, base) for engine in (linear(W), two)]
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5, atol=1e-5)


def test_permuted_features_permute_the_values(method):
    """Where draws and neighbours play no part, the order of the features does not either."""
    if method.random or method.needs:
        return
    order, base = [2, 0, 1], np.full_like(X, 0.13)
    result = values(method, quadratic(W), X, {"x": base})
    permuted = values(method, quadratic(W[order]), X[:, order], {"x": base})
    np.testing.assert_allclose(result[:, order], permuted, rtol=1e-5, atol=1e-5)


def test_what_a_method_needs_is_asked_for_in_one_sentence(method):
    mend = {"picture": "--wrt", "dataset": "--baseline dataset:path="}.get(method.needs)
    if mend is None:
        method.attribute(linear(W), case(linear(W), X))
        return
    with pytest.raises(UsageError, match=mend):
        method.attribute(linear(W), case(linear(W), X))


def test_a_batch_equals_its_samples_one_by_one(method):
    engine = quadratic(W)
    whole = values(method, engine, X)
    single = np.concatenate([values(method, engine, X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_allclose(whole, single, rtol=1e-5, atol=1e-5)


def test_the_size_of_a_pass_does_not_matter(method):
    results = [values(method, dataclass_batch(size), X) for size in (1, 3, 64)]
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(results[0], results[2], rtol=1e-5, atol=1e-5)


def test_how_many_ask_at_a_time_does_not_matter(method):
    """To the last bit: what they get is summed in order."""
    engine = dataclass_batch(3)
    engine.parallel_calls = 3
    np.testing.assert_array_equal(values(method, engine, X), values(method, dataclass_batch(3), X))


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
    result = values(method, quadratic([2.0, 0.0, 1.0]), X)
    unused = getattr(method, "unused", "zero")
    if unused == "zero":
        assert np.all(result[:, 1] == 0)
    elif unused == "near zero":
        assert np.all(np.abs(result[:, 1]) < 1e-5)
    else:
        assert unused in ("share of its region", "the mean score")
    assert np.any(result[:, 0] != 0)


def test_the_same_seed_gives_the_same_bits(method):
    engine = quadratic(W)
    np.testing.assert_array_equal(values(method, engine, X), values(method, engine, X))


def test_only_random_methods_feel_the_seed(method):
    """On twelve features that meet: too many for all coalitions, and no sum of its parts."""
    engine, x = neighbours(12), np.linspace(-1.0, 2.0, 24).reshape(2, 12)
    first, second = (asked(method, engine, case(engine, x, seed=s)).values["x"] for s in (0, 1))
    assert np.array_equal(first, second) != method.random


def test_inputs_outside_the_sites_stay_at_their_value(method):
    engine = Spy(product())
    a, b = X[:, :3], X[:, ::-1] + 2.0
    result = asked(method, engine, case(engine, {"a": a, "b": b}, sites=["a"]))
    assert set(result.values) == {"a"}
    allowed = {row.astype(np.float32).tobytes() for row in b}
    points = [*engine.derived, *engine.scored]
    assert {point["b"].tobytes() for point in points} <= allowed


def test_no_pass_is_larger_than_the_engine_wants(method):
    engine = Spy(quadratic(W))
    asked(method, engine, case(engine, X))
    assert engine.largest <= engine.batch_size


def test_values_are_float32_of_the_inputs_shape(method):
    result = values(method, quadratic(W), X)
    assert result.dtype == np.float32
    assert result.shape == X.shape


def test_parameters_have_help_and_a_paper_can_be_followed(method):
    assert re.fullmatch(r"(arXiv:\d{4}\.\d{4,5}|doi:\S+)?", method.paper)
    assert all(field.metadata.get("help") for field in dataclasses.fields(method) if field.init)


def test_the_registry_holds_the_methods():
    assert {cls.name for cls in ALL} >= {
        *("gradient", "input-x-gradient", "smoothgrad", "smoothgrad-squared", "vargrad"),
        *("integrated-gradients", "expected-gradients", "gradient-shap"),
        *("blur-integrated-gradients", "guided-integrated-gradients"),
        "integrated-directional-gradients",
        *("occlusion", "feature-ablation", "rise", "lime", "kernel-shap", "sobol"),
        "xrai",
    }

"""Scores of copies of the input in which parts have the value of the baseline: what all share."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from inputgrad_cli.errors import UsageError
from inputgrad_cli.methods import methods
from inputgrad_cli.methods.perturbation._masking import split_copies
from inputgrad_cli.numeric.random_streams import draw_uniform, draw_uniform_rows
from tests import formula_engines
from tests.formula_engines import Formula, Spy, case, linear, neighbours, quadratic, relu

from . import W, X, run
from .perturbed import HALF, WIDE, formula, pictures

FAMILY = [cls.name for cls in methods if cls.family == "perturbation"]
SEGMENTING = ["feature-ablation", "lime", "kernel-shap", "sobol"]


@pytest.mark.parametrize("name", ["occlusion", "feature-ablation", "lime", "kernel-shap"])
@pytest.mark.parametrize("make", [linear, quadratic, relu])
def test_sums_of_features_are_explained_by_their_differences(name, make):
    """Each feature stands alone, so it brings w (g(x) - g(b)) whoever is there already."""
    engine = make(W)
    identity = np.eye(3)
    expected = np.stack(
        [engine.f({"x": HALF + (X - HALF) * e}) - engine.f({"x": HALF}) for e in identity], axis=1
    )
    result = run(name, engine, X, {"x": HALF}).values["x"]
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["lime", "kernel-shap"])
def test_draws_explain_a_sum_exactly_too(name):
    weights = np.linspace(1.0, 2.0, 13)
    result = run(name, quadratic(weights), WIDE).values["x"]
    np.testing.assert_allclose(result, weights * WIDE**2, rtol=1e-4, atol=1e-5)


def test_a_product_of_two_inputs():
    """Of a b, each alone is lost whole; Shapley halves it; covered inputs stand by themselves."""
    a, b = X, X[:, ::-1] + 5.0
    inputs = {"a": a, "b": b}
    for name, share in (("occlusion", 1.0), ("feature-ablation", 1.0), ("kernel-shap", 0.5)):
        result = run(name, formula_engines.product(), inputs)
        for site in "ab":
            np.testing.assert_allclose(result.values[site], share * a * b, rtol=1e-4, atol=1e-5)


def test_an_input_that_is_not_asked_about_stays():
    result = run("kernel-shap", formula_engines.product(), {"a": X, "b": X + 9.0}, sites=["a"])
    assert set(result.values) == {"a"}
    np.testing.assert_allclose(result.values["a"], X * (X + 9.0), rtol=1e-5)


@pytest.mark.parametrize(
    ("text", "features", "scored"),
    [
        ("occlusion", 5, 5),
        ("occlusion:window=2", 5, 4),
        ("feature-ablation", 5, 5),
        ("feature-ablation:groups=0-2", 5, 3),
        ("rise:centred=true", 5, 31),
        ("rise", 5, 30),
        ("rise:samples=31", 5, 31),
        ("rise:samples=31", 6, 31),
        ("lime", 5, 31),
        ("lime:samples=20", 5, 19),
        ("kernel-shap", 5, 30 + 1),
        ("kernel-shap", 1, 1),
        ("kernel-shap", 13, 2048 + 26 + 1),
        ("kernel-shap:samples=29", 5, 28 + 1),
        ("sobol:samples=8", 5, 8 * 6),
    ],
)
def test_no_method_asks_more_than_its_definition_needs(text, features, scored):
    engine = Spy(linear(np.ones(features)))
    x = np.arange(2.0 * features).reshape(2, features) + 1
    question = case(engine.engine, x)  # its clean scores are known
    methods.build(text).attribute(engine, question)
    assert (len(engine.scored), len(engine.derived)) == (2 * scored, 0)


@pytest.mark.parametrize("name", FAMILY)
def test_clean_scores_are_asked_for_once_where_they_are_not_known(name):
    engine = Spy(neighbours(4))
    x = WIDE[:2, 4:8]
    question = case(engine.engine, x)
    known = methods.build(name).attribute(engine, question)
    before = len(engine.scored)
    anew = methods.build(name).attribute(engine, replace(question, scores=None))
    uses_clean = name != "sobol"
    assert len(engine.scored) - 2 * before == 2 * uses_clean
    np.testing.assert_array_equal(known.values["x"], anew.values["x"])


@pytest.mark.parametrize("name", FAMILY)
def test_draws_depend_on_the_sample_alone(name):
    """Batch, order and size of a pass decide nothing, on an input too wide to take all masks."""
    method = methods.build(name if name != "rise" else "rise:samples=500")
    whole = method.attribute(neighbours(13), case(neighbours(13), WIDE)).values["x"]
    for size in (1, 64, 1000):
        engine = neighbours(13)
        engine.batch_size = size
        for rows in ([2, 0, 1], [1]):
            result = method.attribute(engine, case(engine, WIDE[rows])).values["x"]
            np.testing.assert_allclose(result, whole[rows], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", FAMILY)
def test_passes_do_not_grow_with_the_samples(name):
    engine = Spy(neighbours(13))
    run(name, engine, WIDE)
    assert engine.largest <= engine.batch_size


@pytest.mark.parametrize("text", ["rise", "lime:grid=2", "kernel-shap:grid=4", "sobol:grid=4"])
def test_memory_does_not_grow_with_the_samples(text):
    peaks = []
    for samples in (70, 700):
        tracemalloc.start()
        both = f"{text}{',' if ':' in text else ':'}samples={samples}"
        pictures(both, lambda x: x.sum(axis=(1, 2, 3)), np.ones((1, 112, 112, 3)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


@pytest.mark.parametrize("name", SEGMENTING)
def test_superpixels_serve_every_method_of_segments(name):
    x = np.zeros((2, 24, 32, 3))
    x[0, :, 16:], x[1, 12:] = 1.0, 1.0
    text = f"{name}:segments=superpixels,grid=2"
    result = pictures(text, lambda x: x.sum(axis=(1, 2, 3)), x)
    assert np.all(np.abs(result[0, :, :16]) < 1e-4)
    assert np.all(result[0, :, 16:] > 1e-4)
    assert np.all(np.abs(result[1, :12]) < 1e-4)


def test_an_inner_method_may_ask_for_scores_alone():
    result = run("smoothgrad:of=occlusion,samples=4,noise=0", linear(W), X).values["x"]
    np.testing.assert_allclose(result, W * X, rtol=1e-5)


def test_ragged_numbers_come_sample_by_sample():
    pairs = [
        (int(row), int(count))
        for rows, numbers in split_copies([2, 0, 3, 1], 4)
        for row, count in zip(rows, numbers, strict=True)
    ]
    assert pairs == [(0, 0), (0, 1), (2, 0), (2, 1), (2, 2), (3, 0)]
    assert [len(rows) for rows, _ in split_copies([2, 0, 3, 1], 4)] == [4, 2]
    assert list(split_copies([0, 0], 4)) == []


def test_numbered_draws_are_the_same_however_they_are_asked_for():
    whole = draw_uniform_rows(b"key", "stream", np.arange(200), 3)
    np.testing.assert_array_equal(whole[64:128], draw_uniform(b"key", "stream", 1, (64, 3)))
    np.testing.assert_array_equal(
        draw_uniform_rows(b"key", "stream", np.array([130, 5]), 3), whole[[130, 5]]
    )
    assert not np.array_equal(whole, draw_uniform_rows(b"other", "stream", np.arange(200), 3))


@pytest.mark.parametrize(
    "text",
    [
        "occlusion:window=0",
        "occlusion:window=2,stride=3",
        "feature-ablation:groups=a",
        "feature-ablation:groups=3-1",
        "feature-ablation:groups=0-3;3",
        "feature-ablation:groups=0-3,segments=windows",
        "feature-ablation:groups=0-3,grid=2",
        "feature-ablation:segments=pixels",
        "rise:p=0",
        "rise:p=1.5",
        "rise:samples=0",
        "lime:samples=1",
        "lime:width=0",
        "lime:ridge=-1",
        "kernel-shap:samples=1",
        "sobol:samples=1",
        "sobol:grid=0",
        "smoothgrad:of=rise",
    ],
)
def test_wrong_parameters_are_refused_before_any_work(text):
    with pytest.raises(UsageError):
        methods.build(text)


@pytest.mark.parametrize(
    ("text", "shape", "mend"),
    [
        ("kernel-shap:segments=features", (64, 64, 3), "segments=windows,grid=8"),
        ("lime:segments=features", (64, 64, 3), "segments=windows,grid=8"),
        ("sobol:segments=features", (64, 64, 3), "segments=windows,grid=8"),
        ("feature-ablation:segments=features", (224, 224, 3), "segments=windows,grid=8"),
        ("lime:samples=60", (64, 64, 3), "samples=640"),
        ("kernel-shap:samples=60", (64, 64, 3), "samples=640"),
        ("occlusion:stride=9", (64, 64, 3), "stride=8"),
        ("feature-ablation:groups=0-1", (64, 64, 3), "--wrt"),
        ("feature-ablation:groups=0-5", (5,), "there are 5"),
        ("lime:segments=superpixels", (5,), "segments=auto"),
    ],
)
def test_what_makes_no_sense_for_an_input_names_the_parameter_that_mends_it(text, shape, mend):
    engine = Spy(formula(lambda x: x.reshape(len(x), -1).sum(axis=1), *shape))
    spatial = {"x": (1, 2)} if len(shape) == 3 else {}
    question = replace(case(engine.engine, np.ones((1, *shape))), spatial_axes=spatial)
    with pytest.raises(UsageError, match=mend):
        methods.build(text).attribute(engine, question)
    assert not engine.scored


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("shape", [(), (1,)])
def test_a_single_number_is_explained(name, shape):
    """Of 3 x at x = 2 all is lost without it; its share of what varies is the whole."""
    engine = Formula(lambda x: 3 * x["x"].reshape(-1), None, {"x": shape})
    result = run(name, engine, np.full((2, *shape), 2.0)).values["x"]
    expected = 1.0 if name == "sobol" else 6.0
    np.testing.assert_allclose(
        result, np.full((2, *shape), expected), rtol=0.5 * (name == "sobol") + 1e-6
    )

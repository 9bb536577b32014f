"""Integrated gradients, gathered in regions."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from inputgrad_cli.data.attribution_results import sum_sites
from inputgrad_cli.errors import UsageError
from inputgrad_cli.methods import methods
from inputgrad_cli.methods.region.xrai import add_regions_greedily, compute_region_means
from tests.formula_engines import Formula, Spy, case


def linear_pictures(weights):
    """Return y = sum w x of pictures."""
    w = np.asarray(weights, np.float64)
    axes = tuple(range(1, w.ndim + 1))
    return Formula(
        lambda x: (x["x"] * w).sum(axis=axes),
        lambda x: {"x": np.broadcast_to(w, x["x"].shape)},
        {"x": w.shape},
    )


def shown(engine, x, baseline=None, axes=(1, 2)):
    """Return the case of pictures."""
    base = None if baseline is None else {"x": np.full_like(x, baseline)}
    return replace(case(engine, x, base), spatial_axes={"x": axes})


def test_the_densest_region_comes_first_and_the_next_brings_what_is_new():
    """Two cuts of one row: [0 0 1 1] with densities 2 and 1, and [0 0 0 1] with 3 and -3.

    The first three are the densest (3); then two new pixels of the right half are one (-3).
    """
    density = np.array([[4.0, 0.0, 5.0, -3.0]])
    cuts = [np.array([[0, 0, 1, 1]]), np.array([[0, 0, 0, 1]])]
    np.testing.assert_allclose(compute_region_means(density, cuts), [[3, 3, 3, -3]])


def test_regions_of_a_picture_of_224_grow_by_five_pixels_and_must_add_fifty():
    """A square of 2 grows to 104 pixels; one three pixels beside it would add 36, too few."""
    density, cut = np.zeros((224, 224)), np.zeros((224, 224), int)
    cut[100:102, 100:102], cut[100:102, 103:105] = 1, 2
    density[100:102, 100:102], density[100:102, 103:105] = 900.0, 1.0
    result = compute_region_means(density, [cut])
    first = result == result[100, 100]
    assert first.sum() == 104
    assert result[100, 104] == result[100, 100] == pytest.approx(3604 / 104)
    np.testing.assert_allclose(result[~first], 0)
    assert result.sum() == pytest.approx(density.sum())


def test_what_no_region_brings_shares_what_is_left():
    masks = np.array([[1, 1, 0, 0], [0, 1, 1, 0]], bool)
    mass, area = np.array([4.0, 2.0, 7.0, 1.0]), np.ones(4)
    np.testing.assert_allclose(add_regions_greedily(masks, mass, area, 2), [2.5, 4.5, 4.5, 2.5])
    np.testing.assert_allclose(add_regions_greedily(masks, mass, area, 3), [3.5] * 4)


def slow(density, masks, least):
    """Return what the paper's algorithm gives, mask by mask."""
    out, done, left = np.full(density.shape, np.nan), np.zeros(density.shape, bool), list(masks)
    while left := [m for m in left if (m & ~done).sum() >= least]:
        best = max(left, key=lambda m: density[m & ~done].mean())
        new = best & ~done
        out[new] = density[new].mean()
        done |= best
    if not done.all():
        out[~done] = density[~done].mean()
    return out


@pytest.mark.parametrize("seed", range(5))
def test_the_greedy_choice_is_that_of_the_algorithm_written_plainly(seed):
    draws = np.random.default_rng(seed)
    density = draws.normal(size=(20, 20))
    cuts = [draws.integers(0, count, (20, 20)) for count in (3, 8, 20)]
    masks = [cut == label for cut in cuts for label in range(cut.max() + 1)]
    np.testing.assert_allclose(compute_region_means(density, cuts), slow(density, masks, 1))


def test_coarse_regions_count_every_pixel():
    density = np.arange(24.0).reshape(4, 6)
    result = compute_region_means(density, [np.array([[0, 1], [0, 1]])])
    left, right = density[:, :3].mean(), density[:, 3:].mean()
    np.testing.assert_allclose(result, [[left] * 3 + [right] * 3] * 4)


def square(side=64):
    """Return a picture of a light square on a dark ground."""
    x = np.zeros((1, side, side, 3), np.float32)
    x[:, 16:32, 16:32] = 1.0
    return x


def test_the_region_that_matters_lights_up_and_the_sum_is_the_difference():
    x = square() + 0.25
    weights = np.zeros((64, 64, 3))
    weights[16:32, 16:32] = [1.0, 2.0, 3.0]
    engine = linear_pictures(weights)
    result = methods.build("xrai").attribute(engine, shown(engine, x))
    inside = result.values["x"][0, 17:31, 17:31]
    assert np.all(inside > 1)
    assert np.all(result.values["x"][0, 40:, 40:] == 0)  # a region without any attribution
    np.testing.assert_array_equal(inside[..., 0], inside[..., 2])
    np.testing.assert_allclose(sum_sites(result.values), engine.f({"x": x}), rtol=1e-5)
    assert result.completeness.ok.all()


def test_a_flat_picture_is_one_region():
    x = np.full((2, 8, 8, 1), 2.0, np.float32)
    weights = np.random.default_rng(0).normal(size=(8, 8, 1))
    engine = linear_pictures(weights)
    result = methods.build("xrai:steps=1").attribute(engine, shown(engine, x, 0.5))
    np.testing.assert_allclose(result.values["x"], 1.5 * weights.mean(), rtol=1e-5)
    np.testing.assert_allclose(result.baseline_scores, 0.5 * weights.sum(), rtol=1e-5)


def test_channels_first_are_explained_alike():
    x, weights = square(32), np.random.default_rng(1).normal(size=(32, 32, 3))
    engine = linear_pictures(weights)
    last = methods.build("xrai").attribute(engine, shown(engine, x)).values["x"]
    turned = linear_pictures(np.moveaxis(weights, -1, 0))
    asked = shown(turned, np.moveaxis(x, -1, 1), axes=(2, 3))
    first = methods.build("xrai").attribute(turned, asked).values["x"]
    np.testing.assert_allclose(np.moveaxis(last, -1, 1), first, rtol=1e-6)


def test_it_costs_what_integrated_gradients_cost():
    engine = Spy(linear_pictures(np.ones((8, 8, 3))))
    method = methods.build("xrai:steps=12")
    method.attribute(engine, shown(engine.engine, np.ones((2, 8, 8, 3))))
    assert (len(engine.derived), len(engine.scored)) == (24, 2)
    assert method.passes == 12
    assert methods.build("xrai").passes == methods.build("integrated-gradients").passes


def test_what_it_needs_is_said(monkeypatch):
    engine = linear_pictures(np.ones((8, 8, 3)))
    question = shown(engine, np.ones((1, 8, 8, 3)))
    with pytest.raises(UsageError, match="--wrt"):
        methods.build("xrai").attribute(engine, replace(question, spatial_axes={}))
    monkeypatch.setitem(sys.modules, "skimage", None)
    spy = Spy(engine)
    with pytest.raises(UsageError, match="superpixels"):
        methods.build("xrai").attribute(spy, question)
    assert not spy.derived  # before any work

"""RISE against its definition over all masks."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from inputgrad_cli.methods import methods
from inputgrad_cli.methods.perturbation import rise
from inputgrad_cli.numeric.random_streams import draw_uniform_rows
from inputgrad_cli.numeric.resize import resize_maps
from tests.formula_engines import Formula, case, linear, neighbours

from . import W, X, run
from .perturbed import HALF, WIDE, formula, pictures


def by_definition(engine, x, p, centred):
    """Return the mean over all masks of (score - mean score) mask / p."""
    masks = np.array(list(product([0, 1], repeat=x.shape[1])))
    chances = p ** masks.sum(axis=1) * (1 - p) ** (1 - masks).sum(axis=1)
    scores = np.stack([engine.f({"x": x * mask}) for mask in masks], axis=1)
    mean = (scores @ chances)[:, None] * centred
    return (scores - mean) * chances @ masks / p


@pytest.mark.parametrize("p", [0.5, 0.2])
@pytest.mark.parametrize("centred", [True, False])
def test_rise_is_its_definition_over_all_masks(p, centred):
    engine = neighbours(3)
    values = run(f"rise:p={p},centred={str(centred).lower()}", engine, X).values["x"]
    np.testing.assert_allclose(values, by_definition(engine, X, p, centred), rtol=1e-5)


@pytest.mark.parametrize("centred", [True, False])
def test_drawn_masks_come_near_the_definition(centred):
    engine = neighbours(13)
    text = f"rise:samples=8000,centred={str(centred).lower()}"
    values = run(text, engine, WIDE).values["x"]
    misses = values - by_definition(engine, WIDE, 0.5, centred)
    scores = engine.f(
        {"x": np.tile(WIDE, (2000, 1)) * (np.random.default_rng(0).random((6000, 13)) < 0.5)}
    )
    error = scores.reshape(2000, 3).std(axis=0) * (1 if centred else 2) / np.sqrt(8000)
    assert np.all(np.sqrt((misses**2).mean(axis=1)) < 2 * error)


def test_rise_of_a_linear_model_is_the_part_that_goes():
    values = run("rise:p=0.3,centred=true", linear(W, 5.0), X, {"x": HALF}).values["x"]
    np.testing.assert_allclose(values, 0.7 * W * (X - HALF), rtol=1e-5, atol=1e-5)


def test_masks_that_leave_everything_tell_nothing():
    x = np.ones((2, 9, 6, 1))

    def score(x):
        return x.sum(axis=(1, 2, 3))

    np.testing.assert_allclose(pictures("rise:samples=20,p=1,centred=true", score, x), 0, atol=1e-5)
    np.testing.assert_allclose(
        pictures("rise:samples=20,p=1,centred=false", score, x), 54, rtol=1e-6
    )


@pytest.mark.parametrize("size", [(14, 20), (5, 224), (1, 3)])
def test_masks_of_pictures_are_enlarged_and_cut_out_as_in_the_paper(size):
    x = np.ones((1, *size, 3))
    question = replace(
        case(formula(np.ravel, *size, 3), x[:, :1, :1, :1]), spatial_axes={"x": (1, 2)}
    )
    question = replace(question, inputs={"x": x})
    masks = rise._Masks(question, methods.build("rise:samples=50"))(0, np.arange(50))["x"]
    draws = draw_uniform_rows(question.seeds[0], "masks", np.arange(50), 51)
    cells = [-(-side // 7) for side in size]
    whole = resize_maps((draws[:, :49] < 0.5).reshape(50, 7, 7), [8 * cell for cell in cells])
    for mask, draw, large in zip(masks, draws, whole, strict=True):
        y, z = (int(shift * cell) for shift, cell in zip(draw[-2:], cells, strict=True))
        np.testing.assert_allclose(mask[..., 0], large[y : y + size[0], z : z + size[1]], atol=1e-6)


def test_masks_of_pictures_leave_a_share_of_p():
    question = replace(
        case(formula(lambda x: x.sum(axis=(1, 2, 3)), 28, 28, 1), np.ones((1, 28, 28, 1))),
        spatial_axes={"x": (1, 2)},
    )
    masks = rise._Masks(question, methods.build("rise:samples=4000,p=0.3"))(0, np.arange(4000))
    assert masks["x"].min() >= 0
    assert masks["x"].max() <= 1
    np.testing.assert_allclose(masks["x"].mean(axis=0), 0.3, atol=0.04)


def test_rise_finds_the_pixels_that_count():
    x = np.random.default_rng(0).random((2, 21, 21, 3)) + 1
    result = pictures("rise", lambda x: x[:, 3:6, 15:18].sum(axis=(1, 2, 3)), x)
    for row in result:
        assert np.unravel_index(row[..., 0].argmax(), (21, 21)) in product(
            range(2, 7), range(14, 19)
        )


def test_a_picture_and_a_vector_are_masked_together():
    engine = Formula(
        lambda x: x["p"].mean(axis=(1, 2, 3)) + 3 * x["v"][:, 0], None, {"p": (8, 8, 1), "v": (2,)}
    )
    question = case(engine, {"p": np.ones((1, 8, 8, 1)), "v": np.ones((1, 2))})
    question = replace(question, spatial_axes={"p": (1, 2)})
    result = methods.build("rise:centred=true").attribute(engine, question).values
    np.testing.assert_allclose(result["v"], [[1.5, 0.0]], atol=0.15)
    assert result["p"].shape == (1, 8, 8, 1)

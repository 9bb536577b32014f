"""Scores that are lost under sliding windows, by hand."""

import numpy as np
import pytest

from tests.formula_engines import Formula, Spy, linear

from . import run
from .perturbed import formula, pictures


def test_overlapping_windows_of_a_picture_are_averaged():
    """Windows of 2 on a picture of 3 x 3, one step at a time, under a sum of all pixels.

    With 1..9 in the picture they cover 12, 16, 24, 28; the middle is under all four of them.
    """
    x = np.arange(1.0, 10.0).reshape(1, 3, 3, 1)
    result = pictures("occlusion:window=2,stride=1", lambda x: x.sum(axis=(1, 2, 3)), x)
    expected = [[12, 14, 16], [18, 20, 22], [24, 26, 28]]
    np.testing.assert_allclose(result[0, ..., 0], expected)


def test_a_window_covers_all_channels_and_takes_the_baselines_value():
    x = np.arange(1.0, 5.0).reshape(1, 1, 2, 2)
    last = pictures("occlusion:window=1,stride=1", lambda x: x.sum(axis=(1, 2, 3)), x, 0.5)
    np.testing.assert_allclose(last, [[[[2, 2], [6, 6]]]])
    first = pictures(
        "occlusion:window=1", lambda x: x.sum(axis=(1, 2, 3)), np.moveaxis(x, -1, 1), 0.5, (2, 3)
    )
    np.testing.assert_allclose(np.moveaxis(first, 1, -1), last)


def test_the_last_window_ends_at_the_edge():
    """Windows of 3 by steps of 2 on 6 cells: 0-2, 2-4, and 3-5 where 4-6 would reach beyond."""
    x = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    result = run("occlusion:window=3,stride=2", linear(np.ones(6)), x[None]).values["x"]
    corner, two, three = 7.0, 28.0, 56.0
    middle = (two + three) / 2
    np.testing.assert_allclose(
        result, [[corner, corner, (corner + two) / 2, middle, middle, three]]
    )


@pytest.mark.parametrize("length", range(1, 20))
def test_windows_cover_every_cell(length):
    """A score of 1 where nothing is covered and 0 else: the mean over windows is 1 everywhere."""
    for text in ("occlusion", "occlusion:window=3", "occlusion:window=4,stride=4"):
        result = pictures(
            text, lambda x: (x.min(axis=(1, 2, 3)) > 0) * 1.0, np.ones((1, length, 2, 1))
        )
        np.testing.assert_allclose(result, 1.0)


def test_a_series_is_covered_span_by_span_and_channel_by_channel():
    x = np.ones((1, 16, 2))
    engine = Spy(formula(lambda x: x @ [1.0, 10.0] @ np.ones(16), 16, 2))
    result = run("occlusion", engine, x).values["x"]
    np.testing.assert_allclose(result, np.broadcast_to([2.0, 20.0], x.shape))
    assert len(engine.scored) == 1 + 15 * 2


def test_tokens_are_covered_one_by_one():
    site = "layer:embedding"
    weights = np.arange(6.0).reshape(3, 2)
    engine = Formula(lambda x: (x[site] * weights).sum(axis=(1, 2)), None, {site: (3, 2)})
    for text in ("occlusion", "feature-ablation", "kernel-shap"):
        result = run(text, engine, {site: np.ones((1, 3, 2))}).values[site][0]
        each = np.array([1.0, 5.0, 9.0]) / (2 if text == "kernel-shap" else 1)
        np.testing.assert_allclose(result, np.repeat(each[:, None], 2, axis=1), rtol=1e-6)

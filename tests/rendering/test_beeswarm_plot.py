"""The summary of a table: its numbers are those of all rows, its points stand where values are."""

import io

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli.data.global_feature_importance import MAX_POINTS, summarize_columns
from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.tabular_attribution_columns import RowColumns, SiteColumns
from inputgrad_cli.numeric.lazy_array import build_lazy_array
from inputgrad_cli.rendering.colour_maps import load_colour_table
from inputgrad_cli.rendering.tabular import beeswarm_plot
from inputgrad_cli.rendering.tabular.beeswarm_plot import (
    RING,
    choose_point_colours,
    compute_offsets,
    draw_row_summary,
)

CAPTION = Caption("m", "auto", "logit", quantity="logit")
NAN, INF = np.nan, np.inf


def summarize(values, inputs=None, names=None, *, per_input=False):
    values = np.asarray(values, np.float32)
    names = names or [f"c{n}" for n in range(values.shape[1])]
    columns = RowColumns((SiteColumns("x", tuple(names)),))
    given = {} if inputs is None else {"x": np.asarray(inputs)}
    return summarize_columns(columns, {"x": values}, given, per_input=per_input)


def draw(summary):
    with Image.open(io.BytesIO(draw_row_summary(summary, CAPTION))) as picture:
        return np.asarray(picture)


def test_the_numbers_are_those_of_all_rows():
    summary = summarize([[1, -3, 0], [1, 5, NAN], [1, 1, -6]])
    assert summary.names == ("c1", "c2", "c0")
    np.testing.assert_allclose(summary.magnitudes, [3, 3, 1])
    np.testing.assert_allclose(summary.means, [1, -3, 1])
    np.testing.assert_allclose(summary.shares, [3 / 7, 3 / 7, 1 / 7])
    assert summarize([[1, 2]], per_input=True).shares is None


def test_blocks_of_a_file_that_is_not_held_give_the_same_numbers(rng):
    values = rng.normal(size=(30_000, 40)).astype(np.float32)
    lazy = build_lazy_array(values.shape, values.dtype, lambda start, stop: values[start:stop])
    columns = RowColumns((SiteColumns("x", tuple(f"c{n}" for n in range(40))),))
    summary = summarize_columns(columns, {"x": lazy}, {"x": lazy}, per_input=False)
    order = np.argsort(-np.abs(values).mean(axis=0, dtype=np.float64))
    assert summary.names == tuple(f"c{n}" for n in order)
    np.testing.assert_allclose(summary.means, values.mean(axis=0, dtype=np.float64)[order])
    assert summary.points.shape == (MAX_POINTS, 10)
    np.testing.assert_array_equal(summary.points[[0, -1]], values[[0, -1]][:, order[:10]])
    np.testing.assert_array_equal(summary.inputs[0], summary.points[:, 0].astype(np.float32))


def test_a_point_stands_where_its_value_is_in_the_colour_of_its_input():
    pixels = draw(summarize([[-2.0], [2.0]], [[0.0], [1.0]]))
    low, high = (tuple(load_colour_table("cividis")[i].tolist()) for i in (0, 255))
    middle = beeswarm_plot.HEAD + beeswarm_plot.ROW_HEIGHT // 2
    line = [tuple(pixel) for pixel in pixels[middle].tolist()]
    assert line[beeswarm_plot.NAMES + 4] == low
    assert line[beeswarm_plot.SWARM_END] == high
    assert pixels.shape == (121 + 37, 792, 3)


def test_bars_are_as_long_as_mean_magnitudes():
    pixels = draw(summarize([[4.0, -1.0], [-4.0, 1.0]]))
    lengths = [
        int((pixels[beeswarm_plot.HEAD + 37 * row + 12] == beeswarm_plot.BAR_COLOUR).all(-1).sum())
        for row in (0, 1)
    ]
    width = beeswarm_plot.BARS_END - beeswarm_plot.BARS
    np.testing.assert_allclose(lengths, [width, width / 4], atol=2)


def test_points_of_one_place_stand_above_each_other_in_the_order_of_the_file():
    offsets = compute_offsets(np.zeros(5))
    np.testing.assert_allclose(offsets * beeswarm_plot.MIN_LEVELS, [0, 1, -1, 2, -2])
    crowded = compute_offsets(np.zeros(1001))
    assert np.abs(crowded).max() == 1
    assert compute_offsets(np.array([0.0, 1.0, 2.0])).tolist() == [0, 0, 0]


def test_words_and_missing_values_are_rings_and_constants_have_one_colour():
    words = choose_point_colours(np.array(["a", "b"]), 2)
    assert words.is_ring.all()
    gaps = choose_point_colours(np.array([0.0, 5.0, NAN, INF]), 4)
    assert gaps.is_ring.tolist() == [False, False, True, True]
    assert tuple(gaps.colours[2]) == RING
    constant = choose_point_colours(np.array([3.0, 3.0]), 2).colours
    np.testing.assert_array_equal(constant, load_colour_table("cividis")[[128, 128]])


@pytest.mark.parametrize(
    "values",
    [
        *(np.zeros((20, 3)), np.full((20, 2), NAN), [[INF, -INF, 1]] * 20, np.full((20, 1), -7.0)),
        *([[1e30, -1e30]] * 20, [[1e-40, 0]] * 20, np.ones((20, 10_000)), -np.ones((25, 11))),
    ],
)
@pytest.mark.parametrize("has_inputs", [False, True])
def test_no_value_breaks_a_summary(values, has_inputs):
    summary = summarize(values, values if has_inputs else None)
    count = len(summary.names)
    assert draw(summary).shape == (121 + 37 * (count if count <= 11 else 10), 792, 3)


def test_no_name_breaks_a_summary():
    names = ["$x_1$", "a\tb", "🐶", "الدخل", "\x00\x1b[31m", "\u202eabc", "\udc80", "", "x" * 9999]
    pixels = draw(summarize(np.ones((20, len(names))), names=names))
    assert (pixels[beeswarm_plot.HEAD : -beeswarm_plot.FOOT, :4] == 255).all()

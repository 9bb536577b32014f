"""Bars and waterfalls of one row: pixels follow from values, and no value or name breaks them."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.map_source import MapLayout, MapSource
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.pictures.sample_view import SampleView
from inputgrad_cli.interfaces.picture import choose_picture
from inputgrad_cli.rendering import has_pictures
from inputgrad_cli.rendering.canvas import AGAINST, FOR, LINE
from inputgrad_cli.rendering.tabular import bars, waterfall
from inputgrad_cli.rendering.tabular.bars import Bars
from inputgrad_cli.rendering.tabular.column_ranking import rank_columns, sum_rest
from inputgrad_cli.rendering.tabular.waterfall import GAP_COLOUR, Waterfall

NAN, INF = np.nan, np.inf
ROW = MapLayout((3,), subject="row")
COMPLETE = MapLayout((3,), subject="row", is_complete=True)
HOSTILE = [
    *("$x_1$", "a\tb", "🐶", "الدخل", "שם = 3", "\x00\x1b[31m", "\u202eabc", "\udc80", ""),
    *("name = value", "x" * 10_000, "<b>&amp;", "line\nbreak"),
]


def build(values, names=None, cells=None, *, gap=0.0, sign="signed", **view):
    values = np.asarray(values, np.float32)
    finite = np.where(np.isfinite(values), values, 0)
    names = [f"f{n}" for n in range(len(values))] if names is None else names
    seen = SampleView(
        None if cells is None else np.array([*cells, None], object)[:-1],
        names,
        baseline_score=0.5,
        checks={"completeness": {}},
        is_whole=True,
        **view,
    )
    score = 0.5 + float(finite.sum()) + gap
    caption = Caption("m", "auto", "logit", score, "cat", quantity="logit", sign=sign)
    return MapSource(values, None, caption, subject="row", view=seen)


def draw(kind, source, **style):
    """Return the pixels and the drawing of a row."""
    (drawing,) = kind().draw([source], Style(**style))
    with Image.open(io.BytesIO(drawing.png)) as picture:
        return np.asarray(picture), drawing


def count_rows(pixels, colour):
    """Return the pixels of a colour in the middle line of each bar."""
    return [
        int((pixels[y] == colour).all(axis=-1).sum())
        for y in range(bars.HEAD + 5, len(pixels) - bars.FOOT, bars.ROW_HEIGHT)
    ]


def test_a_bar_is_as_long_as_its_share_and_on_its_side():
    pixels, drawing = draw(Bars, build([1, -4, 2]))
    assert pixels.shape == (74 + 26 * 3, 704, 3)
    width = (bars.WIDTH - bars.NUMBERS - bars.NAMES - bars.LEFT_NUMBERS) / 2
    against, towards = count_rows(pixels, AGAINST), count_rows(pixels, FOR)
    np.testing.assert_allclose(against, [width, 0, 0], atol=2)
    np.testing.assert_allclose(towards, [0, width / 2, width / 4], atol=2)
    zero = np.flatnonzero((pixels[bars.HEAD + 1] == LINE).all(axis=-1))[0]
    assert (pixels[bars.HEAD + 5 : bars.HEAD + 20, :zero] == AGAINST).all(axis=-1).any()
    assert not (pixels[:, zero + 1 :] == AGAINST).all(axis=-1).any()
    assert (drawing.scale.limit, drawing.scale.signed, drawing.flat) == (4, True, False)


@pytest.mark.parametrize(("values", "colour"), [([1, 2, 3], FOR), ([-1, -2, -3], AGAINST)])
def test_values_of_one_sign_have_an_axis_to_their_side(values, colour):
    pixels, _ = draw(Bars, build(values))
    space = bars.LEFT_NUMBERS if colour == AGAINST else 0
    width = bars.WIDTH - bars.NUMBERS - bars.NAMES - space
    lengths = count_rows(pixels, colour)
    np.testing.assert_allclose(lengths, [width, width * 2 / 3, width / 3], atol=2)


def test_a_shared_scale_makes_rows_comparable():
    pixels, drawing = draw(Bars, build([1, 2, 3]), limit=6.0, signed=True)
    width = (bars.WIDTH - bars.NUMBERS - bars.NAMES - bars.LEFT_NUMBERS) / 2
    np.testing.assert_allclose(count_rows(pixels, FOR), np.array([3, 2, 1]) * width / 6, atol=2)
    assert drawing.scale.limit == 6


def test_sizes_have_no_colour_of_a_side():
    for source in (build([1, 2], sign="positive"), build([1, 2], unsigned=(True, True))):
        pixels, _ = draw(Bars, source)
        assert not (pixels == FOR).all(axis=-1).any()
        assert (pixels == bars.UNSIGNED).all(axis=-1).any()


@pytest.mark.parametrize(
    "values",
    [
        *([0], [0, 0, 0], [2, 2, 2], [NAN], [NAN, 1, INF, -2, -INF], [1e-30, -1e30], [3e38, -3e38]),
        *([NAN] * 40, np.linspace(-1, 1, 10_000), [-0.0, 1e-45]),
    ],
)
@pytest.mark.parametrize("kind", [Bars, Waterfall])
@pytest.mark.parametrize("per_input", [False, True])
def test_no_value_breaks_a_picture(kind, values, per_input):
    pixels, drawing = draw(kind, build(values, per_input=per_input))
    rows = len(values) if len(values) <= 11 else 11
    if kind is Bars:
        assert pixels.shape == (74 + 26 * rows, 704, 3)
    assert drawing.flat == (not np.nan_to_num(np.asarray(values), nan=1.0).any())
    assert np.isfinite(drawing.scale.limit)


@pytest.mark.parametrize("kind", [Bars, Waterfall])
def test_no_name_breaks_a_picture_or_leaves_its_space(kind):
    source = build(np.arange(1.0, len(HOSTILE) + 1), HOSTILE, HOSTILE)
    pixels, drawing = draw(kind, source)
    edge = pixels[bars.HEAD + 2 : -bars.FOOT, :4]
    assert (edge == 255).all()
    assert json.loads(Image.open(io.BytesIO(drawing.png)).info["inputgrad"])["kind"] == kind.name


def test_names_fewer_than_values_are_counted():
    draw(Bars, build([1, 2, 3], names=["a"]))


def test_the_largest_are_shown_and_never_one_other():
    values = np.array([3.0, NAN, -5, 1, INF, 0])
    assert rank_columns(values).shown.tolist() == [1, 4, 2, 0, 3, 5]
    assert len(rank_columns(np.ones(11)).shown) == 11
    ranking = rank_columns(np.ones(12))
    assert ranking.shown.tolist() == list(range(10))
    assert ranking.rest.tolist() == [10, 11]


def test_ranks_are_those_of_a_sort_by_size():
    values = np.random.default_rng(0).integers(-9, 9, 5000).astype(float)
    expected = np.argsort(-np.abs(values), kind="stable")[:10]
    assert rank_columns(values).shown.tolist() == expected.tolist()


def test_sums_of_the_rest_do_not_cancel():
    rest = sum_rest(np.array([1.0, -2, 3, NAN]))
    assert (rest.count, rest.negative, rest.positive, rest.largest) == (4, -2, 4, 3)


def test_the_rest_never_sets_the_scale():
    values = np.concatenate([np.full(10, 1.0), np.full(990, 0.5), [-0.25]])
    pixels, drawing = draw(Bars, build(values))
    assert drawing.scale.limit == 1
    limit = bars.WIDTH - bars.NUMBERS + 20
    assert not (pixels[:, limit:] == bars.PALE_FOR).all(axis=-1).any()
    assert (pixels == bars.PALE_FOR).all(axis=-1).any()
    unsummed, _ = draw(Bars, build(values, per_input=True))
    assert not (unsummed == bars.PALE_FOR).all(axis=-1).any()


def test_a_waterfall_leads_from_the_baseline_to_the_score():
    pixels, _ = draw(Waterfall, build([2, -1]))
    assert pixels.shape == (138 + 29 * 2, 704, 3)
    left, right = waterfall.NAMES + 10, waterfall.WIDTH - waterfall.NUMBERS
    first, second = (waterfall.HEAD + waterfall.BAND + 29 * row + 14 for row in (0, 1))
    whole = np.flatnonzero((pixels[first] == FOR).all(axis=-1))
    part = np.flatnonzero((pixels[second] == AGAINST).all(axis=-1))
    # From 0.5 down to -0.5, then up to 1.5: the axis spans two units.
    np.testing.assert_allclose([whole[0], whole[-1]], [left, right], atol=2)
    np.testing.assert_allclose([part[0], part[-1]], [left, (left + right) / 2], atol=2)


@pytest.mark.parametrize(("gap", "rows"), [(0.0, 2), (0.0005, 2), (0.5, 3)])
def test_what_is_not_attributed_has_a_bar_of_its_own(gap, rows):
    pixels, _ = draw(Waterfall, build([2, -1], gap=gap))
    assert len(pixels) == 138 + 29 * rows
    bar_pixels = (pixels == GAP_COLOUR).all(axis=-1).sum()  # letters have a few such pixels
    assert (bar_pixels > 1000) == (rows == 3)


def test_a_waterfall_is_drawn_only_where_values_were_checked_to_add_up():
    style = Style(kind="waterfall")
    assert choose_picture(style, COMPLETE).name == "waterfall"
    assert choose_picture(style, ROW).name == "bars"
    assert "sum" in Waterfall().explain_refusal(ROW)
    assert not Waterfall().explain_refusal(COMPLETE)
    assert not Waterfall().explain_refusal(MapLayout((8, 8, 3)))
    assert choose_picture(Style(), COMPLETE).name == "bars"


def test_rows_of_long_tables_are_drawn_only_where_they_are_asked_for():
    assert has_pictures(ROW, Style(), 100)
    assert not has_pictures(ROW, Style(), 101)
    assert not has_pictures(ROW, Style(kind="panel"), 101)
    for kind in ("bars", "waterfall"):
        assert has_pictures(ROW, Style(kind=kind), 1_000_000)
    assert has_pictures(MapLayout((8, 8, 3)), Style(), 1_000_000)


@pytest.mark.parametrize(("kind", "height"), [(Bars, bars.ROW_HEIGHT), (Waterfall, 29)])
def test_as_many_columns_are_shown_as_the_style_says(kind, height):
    source = build(np.arange(1.0, 31.0))
    heights = {top: len(draw(kind, source, top=top)[0]) for top in (1, 10, 20, 29, 100)}
    assert heights[10] == len(draw(kind, source)[0])
    assert heights[20] - heights[10] == 10 * height
    assert heights[1] == heights[10] - 9 * height
    assert heights[29] == heights[100] == heights[10] + 19 * height, "no column alone is left out"

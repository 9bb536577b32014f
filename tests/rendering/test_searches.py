"""Pictures of searches: before, after, the change with its factor, the trace."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.input_modality import ROW
from inputgrad_cli.data.pictures.map_source import MapLayout, MapSource, SearchView
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.pictures.sample_view import SampleView
from inputgrad_cli.interfaces.picture import choose_picture, is_drawable
from inputgrad_cli.rendering import pictures
from inputgrad_cli.rendering.optimization.before_after_picture_base import draw_trace
from inputgrad_cli.rendering.optimization.search_panel import (
    FACTORS,
    GREY,
    MAX_LEVELS,
    choose_factor,
    scale_to_levels,
    to_pixels,
)
from inputgrad_cli.rendering.optimization.search_row import (
    BAR_COLOUR,
    BAR_LEFT,
    BAR_RIGHT,
    FOOT,
    HEAD,
    MAX_COLUMNS,
    MIN_HEIGHT,
    ROW_HEIGHT,
    WIDTH,
    choose_columns,
    compute_shares,
)
from inputgrad_cli.rendering.optimization.search_signal import build_handles, draw_lines
from inputgrad_cli.runs.pictures.optimization_picture_data import format_class_change, name_score

TRACE = np.array([[0, -2.0, 0, 0, 0], [1, -0.5, 1, 1, 0], [2, 0.5, 2, 2, 0]], np.float32)


def search_of(before, after):
    return MapSource(
        after.astype("float64") - before,
        None,
        Caption("pgd", "auto", "logit"),
        SearchView(before, after, ("cross 100.0 %", "star 71.2 %"), TRACE),
    )


def draw(source, **style):
    (drawing,) = choose_picture(Style(**style), source.layout).draw([source], Style(**style))
    image = Image.open(io.BytesIO(drawing.png))
    return np.asarray(image), json.loads(image.info["inputgrad"])


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("kind", ["overlay", "panel"])
def test_a_panel_says_by_what_factor_the_change_is_enlarged(rng, channels, kind):
    before = rng.integers(20, 200, (16, 12, channels)).astype(np.uint8)
    after = (before + rng.integers(-4, 5, before.shape)).astype(np.uint8)
    pixels, text = draw(search_of(before, after), kind=kind)
    assert pixels.ndim == 3
    assert text["kind"] == "search-panel"
    assert text["factor"] == 20  # 4 levels x 20 is within 127, x 50 is not
    assert text["method"] == "pgd"


def test_no_change_is_grey_and_the_largest_change_is_within_the_range():
    for largest in (0.4, 1, 3, 40, 127, 200):
        factor = choose_factor(np.array([[largest, -largest]]))
        assert factor in FACTORS
        assert factor * largest <= MAX_LEVELS or factor == 1
    flat = np.full((2, 2, 3), GREY)
    assert (to_pixels(flat) == GREY).all()
    assert choose_factor(np.zeros((2, 2, 1))) == 1


def test_arrays_before_and_after_are_on_one_scale(rng):
    before = rng.normal(size=(8, 8, 3)).astype("float32")
    after = before + np.float32(0.5)
    low, high = scale_to_levels(before, after)
    assert low.min() == pytest.approx(0)
    assert high.max() == pytest.approx(255)
    slope = 255 / float(after.max() - before.min())
    np.testing.assert_allclose(high - low, 0.5 * slope, rtol=1e-4)
    pixels = scale_to_levels(np.array([[[7, 9]]], np.uint8), np.array([[[8, 9]]], np.uint8))
    assert [levels.tolist() for levels in pixels] == [[[[7, 9]]], [[[8, 9]]]]


@pytest.mark.parametrize("shape", [(64,), (64, 3), (64, 20)])
def test_a_signal_is_drawn_before_and_after(rng, shape):
    before = rng.normal(size=shape).astype("float32")
    after = before.copy()
    after[30:34] += 2
    pixels, text = draw(search_of(before, after))
    assert pixels.std() > 10
    assert text["kind"] == "search-signal"
    assert len(text["channels"]) == min(8, 1 if len(shape) == 1 else shape[1])


def test_the_legend_of_a_signal_has_dashes_in_no_channels_colour():
    before, *channels = build_handles(np.array([0, 2]), 3)
    assert (before.get_label(), before.get_linestyle(), before.get_color()) == (
        "before (dashed)",
        "--",
        "0.4",
    )
    labels = [handle.get_label() for handle in channels]
    assert labels == ["after, channel 0", "after, channel 2"]
    assert [handle.get_color() for handle in channels] == ["C0", "C1"]
    assert [handle.get_label() for handle in build_handles(np.array([0]), 1)] == [
        "before (dashed)",
        "after",
    ]


def test_only_channels_that_change_are_among_the_changes(rng):
    before = rng.normal(size=(20, 3))
    after = before + np.array([0, 1, 0])
    top, bottom = Figure().subplots(2)
    draw_lines(top, bottom, (before, after, after - before), np.arange(3))
    assert len(top.lines) == 6
    change, zero = bottom.lines
    assert change.get_color() == "C1"
    np.testing.assert_array_equal(change.get_ydata(), (after - before)[:, 1])
    assert not np.any(zero.get_ydata())


@pytest.mark.parametrize("restarts", [[0, 0, 0], [0, 0, 1]])
def test_both_axes_of_a_trace_say_what_they_are(restarts):
    trace = TRACE.copy()
    trace[:, 4] = restarts
    figure = Figure()
    axis = figure.subplots()
    draw_trace(axis, SearchView(trace, trace, ("a", "b"), trace, "pixels 0..1"))
    left, right = figure.axes
    assert left.get_ylabel() == "score"
    assert right.get_ylabel() == "distance (L2, pixels 0..1)"
    end = "; dotted: a new restart" if any(restarts) else ""
    assert left.get_xlabel() == f"evaluations{end}"
    assert len(left.lines) == 1 + any(restarts)
    assert all(tick == int(tick) for tick in left.get_xticks())


def row_of(before, after, names=()):
    source = search_of(before, after)
    return replace(source, subject=ROW, view=SampleView(before, names))


@pytest.mark.parametrize("width", [2, 5, 24, 40])
def test_a_row_of_a_table_has_a_line_for_each_column_that_changes(rng, width):
    before = rng.normal(size=width).astype("float32")
    after = before.copy()
    after[-2:] += 1
    pixels, text = draw(row_of(before, after))
    assert text["kind"] == "search-row"
    assert len(text["columns"]) == min(width, MAX_COLUMNS)
    assert {width - 2, width - 1} <= set(text["columns"])
    assert text["columns"] == sorted(text["columns"])
    assert pixels.shape == (
        max(HEAD + ROW_HEIGHT * min(width, MAX_COLUMNS) + FOOT, MIN_HEIGHT),
        WIDTH,
        3,
    )


def test_bars_stand_where_columns_change_and_on_the_side_of_the_change():
    before = np.float32([10.0, 3.0, -2.0, 0.0])
    after = np.float32([5.0, 3.0, -1.0, 0.0])
    pixels, _ = draw(row_of(before, after, ("age", "income", "debt", "years")))
    is_bar = (pixels == BAR_COLOUR).all(axis=-1)
    middle = (BAR_LEFT + BAR_RIGHT) // 2
    for index, side in enumerate((-1, 0, 1, 0)):
        rows = slice(HEAD + ROW_HEIGHT * index, HEAD + ROW_HEIGHT * (index + 1))
        left, right = is_bar[rows, :middle].sum(), is_bar[rows, middle + 1 :].sum()
        assert (left > 0) == (side < 0)
        assert (right > 0) == (side > 0)
    lengths = is_bar.sum(axis=1)[[HEAD + ROW_HEIGHT // 2, HEAD + ROW_HEIGHT * 5 // 2]]
    assert abs(int(lengths[0]) - int(lengths[1])) <= 2  # both are halved
    assert lengths[0] == pytest.approx((BAR_RIGHT - BAR_LEFT) / 4, abs=2)  # the axis ends at 100 %


def test_a_share_is_that_of_the_larger_value():
    before, after = np.float64([0, 2, 4, 1, -1, 0, np.nan]), np.float64([5, 2, 1, -1, 1, 0, 1])
    shares = compute_shares(before, after)
    np.testing.assert_array_equal(shares[:-1], [1, 0, -0.75, -2, 2, 0])
    assert np.isnan(shares[-1])


def test_of_many_columns_those_that_change_come_first():
    is_changed = np.arange(100) % 50 == 49
    columns = choose_columns(is_changed, np.where(is_changed, 1e-9, 0.0))
    assert columns.tolist() == [*range(MAX_COLUMNS - 2), 49, 99]
    shares = np.linspace(0.1, 1, 100)
    assert choose_columns(shares > 0, shares).tolist() == [*range(100 - MAX_COLUMNS, 100)]


def test_a_row_is_no_course_in_time_however_many_columns_it_has():
    for shape in [(9,), (64,), (400,)]:
        layout = MapLayout(shape, is_search=True, subject=ROW)
        assert choose_picture(Style(), layout).name == "search-row"
    assert not is_drawable(MapLayout((9,), is_search=True))
    for shape in [(), (0,), (1,)]:
        assert not is_drawable(MapLayout(shape, is_search=True, subject=ROW))


def test_maps_and_searches_have_kinds_of_their_own():
    for shape in [(8, 8, 3), (64,), (64, 2)]:
        for style in pictures.list_names():
            layout = MapLayout(shape, is_search=True)
            assert choose_picture(Style(kind=style), layout).name.startswith("search-")
    assert choose_picture(Style(), MapLayout((8, 8, 3))).name == "overlay"
    assert not is_drawable(MapLayout((64,)))


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ((0, "cross"), (2, "square"), "cross → square"),
        ((0, "cross"), (0, "cross"), "cross"),
        ((0, None), (2, None), "class 0 → class 2"),
        ((None, None), (None, None), ""),
    ],
)
def test_the_title_names_the_classes_before_and_after(before, after, words):
    answers = [
        {"class": index, "label": label, "probability": 0.9, "value": 1.5}
        for index, label in (before, after)
    ]
    assert format_class_change(*answers) == words
    caption = Caption("pgd", "auto", "logit", label="cross", item="a.png", class_change=words)
    assert caption.format_title() == f"a.png: {words or 'cross'}\npgd"


def test_the_score_of_a_search_that_lowers_a_loss_is_called_its_negative():
    of_class, of_loss = Caption("pgd", "auto", "logit"), Caption("x", "y", "output", is_loss=True)
    falling = np.array([[0, -0.07, 0, 0, 0], [1, -0.01, 1, 1, 0]])
    assert name_score(of_class, falling, 0.07) == "logit"
    assert name_score(of_loss, falling, 0.07) == "\u2212 loss"
    assert name_score(of_loss, -falling, 0.07) == "loss"
    assert name_score(of_loss, falling, None) == "output"

"""Pictures of signals: geometry, colours, gaps, channels, and what is at the edges."""

import numpy as np
import pytest

from inputgrad_cli.data.pictures.map_source import MapLayout
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.rendering import choose_picture, is_drawable
from inputgrad_cli.rendering.colour_maps import load_colour_table
from inputgrad_cli.rendering.series.signal import (
    CURVE_GAP,
    CURVE_GREY,
    CURVE_HEIGHT,
    LEFT,
    NAME_HEIGHT,
    PLOT_WIDTH,
    STRIP_HEIGHT,
    TOP,
    draw_curve,
)
from inputgrad_cli.rendering.series.signal_lane_data import build_lanes

from .drawn import GREEN, build_source, draw, read_facts, read_pixels

STRIP_TOP = TOP + NAME_HEIGHT + CURVE_HEIGHT + CURVE_GAP
COLOURS = load_colour_table("RdBu_r")


def get_strip(pixels, lane=0, top=STRIP_TOP):
    """Return the colours of the strip of a lane, (W, 3); all of its lines are alike."""
    first = top + 105 * lane
    strip = pixels[first : first + STRIP_HEIGHT, LEFT : LEFT + PLOT_WIDTH]
    assert (strip == strip[:1]).all()
    return strip[0]


def is_colour(pixels, colour):
    return (pixels == np.asarray(colour)).all(axis=-1)


@pytest.mark.parametrize("channels", [1, 3, 8, 20])
def test_a_picture_has_a_fixed_width_and_a_lane_for_each_channel(channels):
    values = np.random.default_rng(0).normal(size=(40, channels))
    drawing = draw(build_source(values, "signal", {"values": values}))
    assert read_pixels(drawing).shape == (99 + 105 * min(channels, 8), 902, 3)
    assert read_facts(drawing)["hidden"] == max(0, channels - 8)


def test_the_strip_has_the_colours_of_the_values():
    values = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    drawing = draw(build_source(values, "signal"), clip=100)
    strip = get_strip(read_pixels(drawing), top=TOP + NAME_HEIGHT)
    expected = COLOURS[np.rint((values + 2) / 4 * 255).astype(int)]
    np.testing.assert_array_equal(strip, np.repeat(expected, PLOT_WIDTH // 5, axis=0))
    assert read_facts(drawing)["scale"] == {"low": -2.0, "high": 2.0}


def test_all_channels_share_the_scale():
    values = np.array([[1.0, 10.0], [1.0, -10.0]])
    drawing = draw(build_source(values, "signal", {"values": values}), clip=100)
    pixels = read_pixels(drawing)
    assert is_colour(get_strip(pixels, 0), COLOURS[round(1.1 / 2 * 255)]).all()
    assert is_colour(get_strip(pixels, 1)[0], COLOURS[255])
    assert is_colour(get_strip(pixels, 1)[-1], COLOURS[0])


def test_the_curve_is_that_of_the_input():
    pixels = draw_curve(np.repeat([0.0, 1.0], 50), (0.0, 1.0))
    rows = np.argmin(pixels[..., 0].astype(int), axis=0)
    assert (rows[:390] > CURVE_HEIGHT - 6).all()
    assert (rows[410:] < 5).all()
    between = pixels[5:-5, 390:410].min(axis=(1, 2))
    assert (between == CURVE_GREY).all(), "the step is a line without holes"


@pytest.mark.parametrize("lost", [np.nan, np.inf])
def test_what_is_not_finite_is_green_and_a_gap(lost):
    values = np.ones(10)
    values[3] = lost
    drawing = draw(build_source(values, "signal", {"values": values}))
    pixels = read_pixels(drawing)
    green = is_colour(get_strip(pixels), GREEN)
    np.testing.assert_array_equal(np.flatnonzero(green), np.arange(240, 320))
    curve = pixels[TOP + NAME_HEIGHT : TOP + NAME_HEIGHT + CURVE_HEIGHT, LEFT : LEFT + PLOT_WIDTH]
    np.testing.assert_array_equal((curve < 255).any(axis=(0, 2)), ~green)


def test_one_lost_sample_of_a_long_sound_is_seen():
    values = np.zeros(48_000)
    values[12_345] = np.nan
    strip = get_strip(read_pixels(draw(build_source(values, "sound", {"values": values}))))
    assert is_colour(strip, GREEN).sum() == 1


def test_the_axis_is_in_seconds_where_the_rate_is_known():
    values = np.zeros(1000)
    plain = read_pixels(draw(build_source(values, "sound", {"values": values})))
    timed = read_pixels(draw(build_source(values, "sound", {"values": values, "rate": 500})))
    assert (plain != timed).any()
    assert (plain[: STRIP_TOP + STRIP_HEIGHT] == timed[: STRIP_TOP + STRIP_HEIGHT]).all()


def test_the_channels_of_largest_sum_are_shown_in_their_order():
    values = np.ones((6, 12)) * [3, 1, 9, 1, 8, 7, 1, 6, 5, 4, np.nan, 2]
    lanes = build_lanes(build_source(values, "signal"), None, 100)
    labels = [lane.label.removeprefix("channel ") for lane in lanes.lanes]
    assert labels == ["0", "2", "4", "5", "7", "8", "9", "10"]
    assert lanes.hidden == 4


def test_a_value_that_stands_for_all_channels_is_shown_once():
    values = np.repeat([[1.0], [-2.0]], 3, axis=1)
    source = build_source(values, "signal", {"values": values}, copied=True)
    lanes = build_lanes(source, None, 100)
    assert [lane.strip is None for lane in lanes.lanes] == [True, True, True, False]
    np.testing.assert_array_equal(lanes.lanes[-1].strip, [1, -2])
    assert read_facts(draw(source, clip=100))["scale"] == {"low": -2.0, "high": 2.0}


def test_the_map_of_a_layer_lies_below_the_curves_of_the_input():
    series = np.arange(40.0).reshape(20, 2)
    source = build_source([[1.0], [-2.0]], "signal", {"values": series}, site="layer:conv")
    lanes = build_lanes(source, None, 100)
    assert [lane.label for lane in lanes.lanes] == ["channel 0", "channel 1", "layer:conv"]
    assert [lane.strip is None for lane in lanes.lanes] == [True, True, False]
    assert lanes.length == 20
    drawing = draw(source, clip=100)
    strip = get_strip(read_pixels(drawing), top=TOP + 2 * 89 + NAME_HEIGHT)
    half = PLOT_WIDTH // 2
    assert is_colour(strip[:half], COLOURS[round(0.75 * 255)]).all()
    assert is_colour(strip[half:], COLOURS[0]).all()


def test_a_series_of_one_channel_keeps_its_name_and_has_one_lane():
    source = build_source(
        np.ones((9, 1)), "signal", {"values": np.ones((9, 1)), "names": ["pulse"]}, copied=True
    )
    (lane,) = build_lanes(source, None, 100).lanes
    assert lane.label == "pulse"
    assert lane.curve is not None
    assert lane.strip is not None
    (lane,) = build_lanes(source, "l2", 100).lanes
    assert lane.label == "pulse"


def test_a_reduction_makes_a_single_strip():
    values = np.array([[1.0, -2.0], [3.0, 4.0]])
    source = build_source(values, "signal", {"values": values})
    lanes = build_lanes(source, "l2", 100)
    np.testing.assert_allclose(lanes.lanes[-1].strip, [5**0.5, 5])
    assert read_facts(draw(source, reduce="l2"))["scale"]["low"] == 0
    assert "l2 over channels" in lanes.units


def test_a_method_without_signs_has_a_scale_from_zero():
    facts = read_facts(draw(build_source(np.arange(9.0), "signal", sign="positive")))
    assert facts["scale"]["low"] == 0
    assert facts["cmap"] == "inferno"


def test_the_scale_of_a_run_is_used():
    source = build_source([1.0, 2.0], "signal")
    facts = read_facts(draw(source, limit=8.0, signed=True, scale="run"))
    assert facts["scale"] == {"low": -8.0, "high": 8.0}


def test_the_scale_that_a_map_needs_is_its_own():
    picture = choose_picture(Style(), MapLayout((2,), subject="signal"))
    source = build_source([1.0, -2.0], "signal")
    assert picture.find_scale(source, Style(clip=100, limit=0.0, signed=False)) == Scale(2.0, True)


NAMES = ["$x_1$", "tab\there", "smile😀", "مرحبا", "\x00\x1b[31m", "a" * 10_000]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("values", "view"),
    [
        (np.zeros((50, 2)), {"values": np.zeros((50, 2))}),
        (np.full((5000, 1), np.nan), {"values": np.full((5000, 1), np.nan)}),
        (np.full(7, np.inf), {"values": np.full(7, -np.inf)}),
        ([3.0], {"values": np.array([2.0])}),
        (np.full((9, 2), 4.0), {"values": np.full((9, 2), 7)}),
        (-np.ones(48_000), {"values": np.zeros(48_000), "rate": 16_000}),
        (np.ones((20, 6)), {"values": np.ones((20, 6)), "names": NAMES}),
        (np.ones((20, 6)), {"values": np.array(["a"] * 20)}),
        (np.ones((20, 6)), {"values": np.ones((20, 1))}),
        (np.ones((4, 3, 2)), {"values": np.ones((4, 3, 2))}),
        ([3e38, -3e38], {"values": np.array([3e38, -3e38])}),
        ([1e-40, 0.0], {"values": np.array([True, False])}),
    ],
)
def test_the_edges_are_drawn_without_a_warning(values, view):
    drawing = draw(build_source(values, "signal", view))
    assert drawing.flat == (not (np.abs(values) > 0).any())
    assert read_pixels(drawing).shape[1] == 902


def test_a_flat_map_says_so_and_has_the_colour_of_zero():
    drawing = draw(build_source(np.zeros(20), "signal", {"values": np.arange(20)}))
    assert drawing.flat
    assert is_colour(get_strip(read_pixels(drawing)), COLOURS[128]).all()


def test_only_signals_and_sounds_are_drawn_so():
    assert is_drawable(MapLayout((64, 4), subject="signal"))
    assert is_drawable(MapLayout((640,), subject="sound"))
    assert not is_drawable(MapLayout((0, 4), subject="signal"))

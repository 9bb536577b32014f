"""The canvas of pictures: text is read as it is meant, pixels stand where they are asked for."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inputgrad_cli.rendering.canvas import (
    AGAINST,
    FOR,
    LINE,
    Axis,
    Canvas,
    build_axis,
    choose_ink,
)
from inputgrad_cli.rendering.colour_maps import load_colour_table
from inputgrad_cli.rendering.label_formatting import (
    MINUS,
    format_number,
    format_value,
    join_name,
    shorten_name,
)
from inputgrad_cli.rendering.text_measuring import fit_name, fit_text, measure_text

HOSTILE = [
    "$x_1$",
    "a\tb",
    "🐶 dog",
    "الدخل",
    "a\x00b\x1b[31m",
    "\u202egnp",
    "\udc80",
    "",
    "=" * 90,
]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.23456, "1.23"),
        (-0.5, f"{MINUS}0.5"),
        (1234.5, "1230"),
        (99_949.0, "99900"),
        (99_951.0, "1.00e+05"),
        (0.001, "0.001"),
        (0.000_999_4, f"9.99e{MINUS}04"),
        (math.nan, "not a number"),
        (math.inf, "+∞"),
        (-math.inf, f"{MINUS}∞"),
    ],
)
def test_numbers_have_three_digits_and_a_true_minus(value, text):
    assert format_number(value) == text


@given(st.floats(1e-300, 1e300))
def test_a_signed_number_says_its_sign_and_is_right_to_three_digits(size):
    for value in (size, -size):
        text = format_number(value, signed=True)
        assert text[0] == ("+" if value > 0 else MINUS)
        assert float(text.replace(MINUS, "-")) == pytest.approx(value, rel=0.0051)


def test_values_of_inputs_are_numbers_or_words():
    values = (52341.0, np.float32(0.1), -12345678, "clerk", b"\xff", math.nan)
    words = ["52341", "0.1", f"{MINUS}12345678", "clerk", "\\xff", "nan"]
    assert [format_value(value) for value in values] == words


@given(st.text(max_size=80), st.integers(1, 40))
def test_names_are_printable_keep_both_ends_and_are_short(name, limit):
    short = shorten_name(name, limit)
    assert len(short) <= limit
    assert short.isprintable()
    if name.isprintable() and len(name) > limit >= 3:
        assert short[0] == name[0]
        assert short[-1] == name[-1]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_label_is_no_wider_than_its_space(name):
    for width in (40, 120, 252):
        assert measure_text(fit_name(name, None, width, 14), 14) <= width
    assert measure_text(fit_text(name * 500, 300, 15), 15) <= 300


def test_a_name_that_fits_is_whole():
    assert fit_name("income", "52000", 252, 14) == join_name("income", "52000")
    assert "income" in join_name("income", "52000")
    assert "52000" in join_name("income", "52000")


def test_direction_marks_take_no_space():
    assert measure_text(join_name("income"), 14) == pytest.approx(measure_text("income", 14))


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([1.0, -3.0], -3.0, 3.0),
        ([1.0, 3.0], 0.0, 3.0),
        ([-1.0, 0.0], -1.0, 0.0),
        ([0.0, 0.0], 0.0, 1.0),
        ([math.nan, math.inf], 0.0, 1.0),
        ([], 0.0, 1.0),
        ([math.nan, -2.0], -2.0, 0.0),
    ],
)
def test_the_axis_covers_finite_values_and_no_empty_side(values, low, high):
    axis = build_axis(values, (100, 300))
    assert (axis.low, axis.high) == (low, high)
    assert axis.locate(axis.low) == 100
    assert axis.locate(axis.high) == 300


def test_values_beyond_the_axis_stay_near_it():
    axis = Axis(100, 300, -1.0, 1.0)
    assert [axis.locate(v, 0.1) for v in (-9, -1, 0, 1, 9)] == [80, 100, 200, 300, 320]


def test_boxes_lines_and_pixels_stand_where_they_are_asked_for():
    canvas = Canvas(40, 20)
    canvas.fill_box((9, 4, 2, 1), FOR)  # corners in any order
    canvas.draw_line((0, 10, 39, 10))
    canvas.draw_colours((10, 12, 20, 14), np.array([FOR, AGAINST], np.uint8))
    canvas.draw_line((0, 19, 39, 19), dash=5)
    pixels = canvas.to_pixels()
    expected = np.full((20, 40, 3), 255, np.uint8)
    expected[1:5, 2:10] = FOR
    expected[10] = LINE
    expected[12:14, 10:15], expected[12:14, 15:20] = FOR, AGAINST
    np.testing.assert_array_equal(pixels[:19], expected[:19])
    assert set(map(tuple, pixels[19].tolist())) == {LINE, (255, 255, 255)}


def test_hatching_stays_within_its_box_and_leaves_gaps():
    canvas = Canvas(40, 20)
    canvas.draw_hatching((5, 5, 30, 15), LINE)
    drawn = (canvas.to_pixels() != 255).any(axis=2)
    assert not drawn[:4].any()
    assert not drawn[17:].any()
    assert not drawn[:, :4].any()
    assert 0.05 < drawn[5:16, 5:31].mean() < 0.6


@pytest.mark.parametrize("name", HOSTILE)
def test_any_text_can_be_written(name):
    canvas = Canvas(300, 60)
    canvas.write_title(name * 30)
    canvas.write((290, 40), fit_name(name, name, 250, 14), anchor="rm")
    assert canvas.to_pixels().shape == (60, 300, 3)


def test_an_axis_has_its_line_and_three_ticks():
    canvas = Canvas(400, 60)
    canvas.draw_axis(Axis(50, 350, -2.0, 2.0), 10)
    dark = (canvas.to_pixels() == LINE).all(axis=2)
    assert dark[10, 50:351].all()
    assert not dark[10, :50].any()
    assert list(np.flatnonzero(dark[13])) == [50, 200, 350]


def test_ink_is_readable_on_every_colour():
    def luminance(colour):
        share = np.asarray(colour) / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        return linear @ (0.2126, 0.7152, 0.0722)

    for colour in [*load_colour_table("RdBu_r"), *load_colour_table("inferno"), (0, 255, 0)]:
        light, dark = sorted((luminance(colour), luminance(choose_ink(colour))), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.58

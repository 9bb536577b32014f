"""Logos of one-hot sequences: each place has its letter, as high as its value."""

import numpy as np
import pytest

from inputgrad_cli.data.pictures.map_source import MapLayout
from inputgrad_cli.errors import ItemError
from inputgrad_cli.rendering.series.logo import (
    LEFT,
    MAX_PLACES,
    PLOT_HEIGHT,
    TITLE_HEIGHT,
    Logo,
    choose_window,
    find_letters,
)
from inputgrad_cli.rendering.series.stretched_letters import (
    COLOURS,
    OTHER,
    draw_stacks,
    measure_stacks,
)

from .drawn import GREEN, build_source, draw, read_facts, read_pixels


def sequence(text, values, alphabet="ACGT", **caption):
    """Return the source of a logo whose observed letters have these values, the others 9."""
    seen = np.array([[float(letter == word) for letter in alphabet] for word in text])
    heights = np.where(seen == 1, np.asarray(values, float)[:, np.newaxis], 9.0)
    return build_source(heights, "logo", {"values": seen}, **caption)


def count(pixels, colour):
    return int((pixels == colour).all(axis=-1).sum())


def test_a_logo_is_drawn_only_where_a_user_says_so():
    assert Logo().supports(MapLayout((9, 4), subject="logo"))
    assert not Logo().supports(MapLayout((9, 4), subject="signal"))
    assert not Logo().supports(MapLayout((9,), subject="logo"))


def test_the_letter_of_the_input_is_as_high_as_its_value():
    pixels = read_pixels(draw(sequence("AC", [2.0, -1.0])))
    plot = pixels[TITLE_HEIGHT : TITLE_HEIGHT + PLOT_HEIGHT, LEFT:]
    for letter, rows in (("A", slice(0, 120)), ("C", slice(120, 180))):
        own = (plot == COLOURS[letter]).all(axis=-1)
        assert own[rows].sum() == own.sum() > 50
    facts = read_facts(draw(sequence("AC", [2.0, -1.0])))
    assert facts["scale"] == {"low": -2.0, "high": 2.0}
    assert facts["alphabet"] == "ACGT"


def test_a_letter_against_the_target_is_turned_over():
    up = draw_stacks(np.array([[1.0, 0]]), "TG", (90, 40), (1.0, 0.0))
    down = draw_stacks(np.array([[-1.0, 0]]), "TG", (90, 40), (0.0, -1.0))
    np.testing.assert_array_equal(up, down[::-1])
    assert (up[5, 5] != 255).all(), "the bar of a T is at its top"
    assert (up[-5, 5] == 255).all()


def test_letters_stand_on_each_other_the_small_ones_next_to_the_axis():
    heights = np.array([[3.0, 1.0, -0.5, 0.001]])
    assert measure_stacks(heights) == pytest.approx((4.001, -0.5))
    area = draw_stacks(heights, "ACGT", (450, 30), (4.0, -0.5))
    is_letter = {letter: (area == COLOURS[letter]).all(axis=-1) for letter in "ACG"}
    first = {letter: np.flatnonzero(mask.any(axis=1)) for letter, mask in is_letter.items()}
    assert first["A"].max() <= 300
    assert first["C"].min() >= 300
    assert first["C"].max() <= 400 <= first["G"].min()
    assert count(area, COLOURS["T"]) == 0, "less than a hundredth of the largest"


def test_padding_and_unknown_letters_are_gaps():
    seen = np.array([[1, 0], [0, 0], [0.25, 0.75], [1, 1], [0, 1]])
    assert find_letters(seen).tolist() == [
        [True, False],
        [False, False],
        [False, False],
        [False, False],
        [False, True],
    ]


def test_without_the_input_all_letters_are_stacked_and_said_so():
    source = build_source(np.ones((3, 4)), "logo")
    pixels = read_pixels(draw(source))
    assert all(count(pixels, colour) > 20 for colour in COLOURS.values())
    assert draw(source).scale.limit == 4


def test_a_long_sequence_shows_the_window_of_its_largest_value():
    totals = np.zeros(1000)
    totals[700] = -3
    first, stop = choose_window(totals)
    assert stop - first == MAX_PLACES
    assert first <= 700 < stop
    totals[3] = np.nan
    assert choose_window(totals) == (0, MAX_PLACES)
    pixels = read_pixels(draw(sequence("ACGT" * 250, totals)))
    assert count(pixels, GREEN) > 0
    assert pixels.shape[1] <= 1100


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, 1.0, -1.0])
@pytest.mark.parametrize("length", [1, 3, 100, 101])
def test_every_value_and_length_is_drawn(value, length):
    drawing = draw(sequence(("ACGT" * 30)[:length], np.full(length, value)))
    pixels = read_pixels(drawing)
    assert drawing.flat == (value == 0)
    assert (count(pixels, GREEN) > 0) == (not np.isfinite(value))


def test_the_alphabet_is_the_users_and_must_fit():
    source = sequence("UA", [1.0, 1.0], "ACGU")
    pixels = read_pixels(draw(source, alphabet="ACGU"))
    assert count(pixels, COLOURS["U"]) > 50
    with pytest.raises(ItemError, match="names 3 letters, the sequence has 4"):
        draw(source, alphabet="ACG")


def test_proteins_are_grey_letters_and_other_sequences_are_drawn_too():
    acids = "ACDEFGHIKLMNPQRSTVWY"
    assert count(read_pixels(draw(sequence("WK", [1.0, 1.0], acids))), OTHER) > 50
    assert draw(sequence("ab", [1.0, 1.0], "abc")).png


def test_one_scale_of_a_run_is_that_of_every_logo():
    source = sequence("A", [1.0])
    small = read_pixels(draw(source, scale="run", limit=4.0, signed=True))
    large = read_pixels(draw(source))
    assert 0 < count(small, COLOURS["A"]) < count(large, COLOURS["A"]) / 4

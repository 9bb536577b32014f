"""Strips: arrays of any shape, all values one after the other."""

import numpy as np
import pytest

from inputgrad_cli.data.pictures.map_source import MapLayout
from inputgrad_cli.rendering import is_drawable
from inputgrad_cli.rendering.colour_maps import load_colour_table
from inputgrad_cli.rendering.series.signal import LEFT, NAME_HEIGHT, PLOT_WIDTH, TOP
from inputgrad_cli.rendering.series.strip import format_strongest

from .drawn import build_source, draw, read_facts, read_pixels

COLOURS = load_colour_table("RdBu_r")


def test_the_values_follow_each_other_in_the_order_of_the_array():
    values = np.linspace(-1, 1, 32).reshape(2, 2, 2, 2, 2)
    drawing = draw(build_source(values, "strip"), clip=100)
    line = read_pixels(drawing)[TOP + NAME_HEIGHT + 1, LEFT : LEFT + PLOT_WIDTH]
    positions = np.rint((values.ravel().astype("f4") + 1) / 2 * 255).astype(int)
    np.testing.assert_array_equal(line, np.repeat(COLOURS[positions], PLOT_WIDTH // 32, axis=0))
    assert read_facts(drawing)["kind"] == "strip"


def test_the_input_is_a_curve_above_it():
    values = np.zeros((2, 3, 2, 2, 2))
    without = read_pixels(draw(build_source(values, "strip")))
    shown = read_pixels(draw(build_source(values, "strip", {"values": values + 1.0})))
    assert shown.shape == (99 + 105, 902, 3)
    assert len(shown) > len(without)


@pytest.mark.parametrize(("copied", "reduce"), [(True, None), (False, "l2"), (False, None)])
def test_a_value_of_all_channels_is_shown_once(copied, reduce):
    values = np.ones((2, 2, 2, 2, 4))
    source = build_source(values, "strip", copied=copied)
    drawing = draw(source, clip=100, reduce=reduce)
    assert read_facts(drawing)["scale"]["high"] == (2 if reduce else 1)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1, 1, 1), (3, 4, 5, 2, 7)])
@pytest.mark.parametrize("fill", [0.0, -1.0, np.nan, np.inf])
def test_any_shape_is_drawn(shape, fill):
    drawing = draw(build_source(np.full(shape, fill), "strip"))
    assert drawing.flat == (fill == 0 or np.isnan(fill))


def test_an_empty_array_is_not_drawn():
    assert not is_drawable(MapLayout((2, 0, 3, 3, 3), subject="strip"))


def test_the_strongest_values_are_named_by_their_indices_in_the_array():
    values = np.zeros((4, 3, 2))
    values[2, 1, 0], values[0, 2, 1], values[3, 0, 0] = -5, 2, np.nan
    assert format_strongest(values) == "; strongest: 18 = [3, 0, 0], 14 = [2, 1, 0]"
    assert format_strongest(np.zeros((2, 2))) == ""
    assert format_strongest(np.arange(4.0)) == "", "the axis below already counts them"

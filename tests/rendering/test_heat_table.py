"""The table of columns and classes: each cell its value, in its colour, on one scale."""

from dataclasses import replace

import numpy as np
import pytest

from inputgrad_cli.data.map_record import RecordedMap, SiteFacts
from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.map_source import ClassView
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.tabular_attribution_columns import find_map_columns, find_row_columns
from inputgrad_cli.interfaces.picture import choose_picture
from inputgrad_cli.rendering.canvas import PAPER
from inputgrad_cli.rendering.class_comparison.heat_table import (
    CELL_HEIGHT,
    CELL_WIDTH,
    CLASS_HEAD,
    HEAD,
    MIN_WIDTH,
    NAMES,
)
from inputgrad_cli.rendering.class_comparison.row_picture_data import build_class_row_source
from inputgrad_cli.rendering.class_comparison.top_class_selection import format_heading
from inputgrad_cli.rendering.colour_maps import NAN_COLOUR, load_colour_table
from tests.map_records import SAMPLE, build_record
from tests.rendering.drawn import build_source, draw, read_facts, read_pixels

COLOURS = load_colour_table("RdBu_r")
VALUES = [[1.0, -4.0, 0.0], [2.0, 0.5, 0.0]]


def table(values, hidden=0, view=None, **caption):
    """Return the source of a table of the values (K, F) of classes and columns."""
    values = np.asarray(values, np.float64)
    source = build_source(values[0], "row", view or {}, **caption)
    captions = tuple(
        replace(source.caption, class_index=index, target=f"class:{index}", label=None)
        for index in range(len(values))
    )
    return replace(source, classes=ClassView(captions, values, hidden))


def read_cell(pixels, row, column):
    """Return the colour of the upper left corner of a cell, which no word covers."""
    y, x = HEAD + CLASS_HEAD + CELL_HEIGHT * row + 2, NAMES + CELL_WIDTH * column + 3
    return tuple(pixels[y, x].tolist())


def find_colour(value, limit):
    return tuple(COLOURS[round((value / limit + 1) / 2 * 255)].tolist())


def test_each_cell_has_the_colour_of_its_value_and_columns_stand_by_size():
    drawing = draw(table(VALUES))
    pixels = read_pixels(drawing)
    for row, index in enumerate((1, 0, 2)):  # the sizes over both classes are 2, 4, 0
        for column in (0, 1):
            expected = find_colour(VALUES[column][index], 4.0)
            assert read_cell(pixels, row, column) == expected
    assert read_facts(drawing)["scale"] == {"low": -4.0, "high": 4.0}
    assert read_facts(drawing)["classes"] == ["class:0", "class:1"]
    assert pixels.shape[1] == MIN_WIDTH
    assert read_cell(pixels, 0, 2) == PAPER, "there is no third class"


def test_ten_columns_are_shown_and_a_table_of_eight_classes_is_wide_enough():
    many = np.random.default_rng(0).standard_normal((8, 10_000))
    pixels = read_pixels(draw(table(many, hidden=992)))
    assert pixels.shape[1] >= NAMES + 8 * CELL_WIDTH
    few = read_pixels(draw(table(many[:, :10])))
    assert pixels.shape == few.shape
    eleven = read_pixels(draw(table(many[:, :11])))
    assert len(eleven) == len(few) + CELL_HEIGHT, "never one column alone is left out"
    three = read_pixels(draw(table(many), top=3))
    assert len(three) == len(few) - 7 * CELL_HEIGHT
    single = read_pixels(draw(table([[1.0]])))
    assert len(single) == len(few) - 9 * CELL_HEIGHT


def test_what_is_not_a_number_is_green_and_comes_first():
    pixels = read_pixels(draw(table([[1.0, np.nan], [9.0, 2.0]])))
    assert read_cell(pixels, 0, 0) == NAN_COLOUR
    assert read_cell(pixels, 0, 1) == find_colour(2.0, 9.0)
    infinite = read_pixels(draw(table([[-np.inf, 1.0]])))
    assert read_cell(infinite, 0, 0) == find_colour(-1.0, 1.0)


def test_the_edges_of_values_are_drawn():
    for values in (0.0, np.nan, np.inf, -3.0):
        drawing = draw(table(np.full((3, 4), values)))
        assert drawing.flat == (values == 0)
    assert read_cell(read_pixels(draw(table(np.zeros((2, 2))))), 0, 0) == find_colour(0.0, 1.0)


def test_the_method_decides_whether_the_scale_has_two_sides_and_the_run_how_long_it_is():
    picture = choose_picture(Style(), table(VALUES).layout)
    assert picture.name == "heat-table"
    assert picture.find_scale(table(VALUES), Style()) == Scale(4.0, True)
    positive = table(np.abs(VALUES), sign="positive")
    assert picture.find_scale(positive, Style()) == Scale(4.0, False)
    shared = read_pixels(draw(table(VALUES), limit=8.0, signed=True))
    assert read_cell(shared, 0, 0) == find_colour(-4.0, 8.0)


def test_sizes_without_a_sign_have_no_colour():
    pixels = read_pixels(draw(table(VALUES, view={"unsigned": (False, True, False)})))
    assert read_cell(pixels, 0, 0) == PAPER
    assert read_cell(pixels, 1, 0) == find_colour(1.0, 4.0)


@pytest.mark.parametrize("name", ["a$b$", "\t\x1b[31m", "عربي", "🐶", "x" * 10_000, ""])
def test_odd_names_are_written(name):
    view = {"names": (name, "b", name), "values": np.array([name, 1.5, None], object)}
    source = table(VALUES, view=view, label=name, item=name)
    captions = tuple(replace(each, label=name) for each in source.classes.captions)
    draw(replace(source, classes=replace(source.classes, captions=captions)))


def test_columns_of_several_inputs_are_joined_for_each_class():
    samples = (replace(SAMPLE, scores=[0.5, 2.0, 1.0]),)
    names = ("age", "job")
    record = build_record(samples=samples, header=names, sites=SiteFacts({"class_names": "xyz"}))
    values = {
        "job": np.array([[[10.0], [20.0], [30.0]]], "f4"),
        "age": np.array([[[1.0], [2.0], [3.0]]], "f4"),
    }
    recorded = RecordedMap(values, record)
    assert find_row_columns(recorded) is None
    columns = find_map_columns(recorded)
    assert columns.names == names
    source = build_class_row_source(recorded, Samples({}), 0, columns)
    np.testing.assert_array_equal(source.classes.values, [[2, 20], [3, 30], [1, 10]])
    assert [each.score for each in source.classes.captions] == [2.0, 1.0, 0.5]
    np.testing.assert_array_equal(source.values, [2, 20])
    assert source.layout.shape == (2,)


def test_the_title_names_the_output_whose_classes_are_compared():
    caption = Caption("gradient", "kind/all", "logit", item="a.npy", head="kind")
    assert format_heading(caption) == "a.npy: gradient, all classes of kind"
    assert format_heading(replace(caption, head="")) == "a.npy: gradient, all classes"

"""All inputs of a map in one picture: their order, shares and own scales, and what has no map."""

from dataclasses import replace

import numpy as np
import pytest

from inputgrad_cli.data.pictures.map_source import InputPart
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.interfaces.picture import choose_picture, pictures
from inputgrad_cli.rendering.canvas import MARGIN
from inputgrad_cli.rendering.images.named_tiles import TITLE_HEIGHT
from inputgrad_cli.rendering.joined_inputs_picture import (
    GROUND,
    HEADER_HEIGHT,
    LINE_HEIGHT,
    MIN_WIDTH,
    STRIP_HEIGHT,
    build_strip,
    format_header,
    list_colours,
)
from tests.rendering.drawn import build_source, draw, read_facts, read_pixels

IMAGE = build_source(np.arange(16.0).reshape(4, 4, 1), "image", item="a.npz")
ROW = build_source([3.0, -1.0], "row", {"names": ("age", "income")})
SERIES = build_source(np.sin(np.arange(30.0))[:, None], "signal")
TOP = TITLE_HEIGHT + LINE_HEIGHT  # of what is below the title


def join(*parts):
    first = next(part.source for part in parts if part.source is not None)
    return replace(first, parts=tuple(parts))


def remove_title(source):
    return replace(source, caption=replace(source.caption, is_titled=False))


def find_headers(pixels, top):
    """Return the rows at which headers begin, by their ground at the right edge."""
    is_ground = (pixels[top:, -1] == GROUND).all(axis=-1)
    starts = np.flatnonzero(is_ground & ~np.r_[False, is_ground[:-1]])
    return [int(row) + top for row in starts]


def test_parts_stand_one_below_the_other_in_their_order():
    parts = [InputPart("x", IMAGE, 0.75), InputPart("y", ROW, 0.25), InputPart("z", SERIES, 0.0)]
    drawing = draw(join(*parts), kind="inputs")
    pixels, facts = read_pixels(drawing), read_facts(drawing)
    assert facts["kind"] == "inputs"
    assert [part["name"] for part in facts["parts"]] == ["x", "y", "z"]
    assert [part["share"] for part in facts["parts"]] == [0.75, 0.25, 0.0]
    headers = find_headers(pixels, TOP)
    assert len(headers) == 3
    assert headers[0] == TOP + STRIP_HEIGHT + MARGIN
    own = read_pixels(draw(remove_title(ROW)))
    start = headers[1] + HEADER_HEIGHT
    np.testing.assert_array_equal(pixels[start : start + len(own), : own.shape[1]], own)
    assert headers[2] == start + len(own)
    series = read_pixels(draw(remove_title(SERIES)))
    assert len(pixels) == headers[2] + HEADER_HEIGHT + len(series)
    assert pixels.shape[1] == max(series.shape[1], own.shape[1])


def test_the_strip_divides_the_width_by_the_shares():
    colours = list_colours(3)
    strip = build_strip([0.5, 0.25, 0.25], colours, 8)
    expected = [0, 0, 0, 0, 1, 1, 2, 2]
    np.testing.assert_array_equal(strip, colours[expected])
    assert len({tuple(colour) for colour in colours.tolist()}) == 3
    np.testing.assert_array_equal(build_strip([0.0, 1.0], colours[:2], 4), colours[[1, 1, 1, 1]])
    # Shares that are rounded down leave no pixel without an owner.
    assert (build_strip([1 / 3] * 3, colours, 7)[-1] == colours[2]).all()
    drawing = draw(join(InputPart("x", IMAGE, 0.75), InputPart("y", ROW, 0.25)), kind="inputs")
    pixels = read_pixels(drawing)
    shown = pixels[TOP : TOP + STRIP_HEIGHT, MARGIN:-MARGIN]
    first, second = list_colours(2)
    counts = [(shown[0] == colour).all(axis=-1).sum() for colour in (first, second)]
    assert counts[0] == pytest.approx(0.75 * shown.shape[1], abs=1)
    assert sum(counts) == shown.shape[1]
    assert (shown == shown[:1]).all()
    assert (pixels[TOP + STRIP_HEIGHT] == 255).all()


def test_without_shares_there_is_no_strip():
    pixels = read_pixels(draw(join(InputPart("x", IMAGE), InputPart("y", ROW)), kind="inputs"))
    assert find_headers(pixels, TOP)[0] == TOP


def test_an_input_without_a_map_has_a_header_and_no_part():
    parts = [InputPart("x", IMAGE), InputPart("y", None, note="disconnected")]
    drawing = draw(join(*parts), kind="inputs")
    pixels = read_pixels(drawing)
    headers = find_headers(pixels, TOP)
    assert len(pixels) == headers[1] + HEADER_HEIGHT
    assert read_facts(drawing)["parts"][1] == {"name": "y", "note": "disconnected", "share": None}


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (InputPart("x", IMAGE, 0.63), "x, 63.0 % of the magnitude"),
        (InputPart("x", IMAGE, 0.9999), "x, 99.99 % of the magnitude"),
        (InputPart("x", IMAGE, 0.0), "x, 0.0 % of the magnitude"),
        (InputPart("x", IMAGE), "x"),
        (InputPart("x", None, note="disconnected"), "x, disconnected"),
    ],
)
def test_a_header_names_the_input_and_its_share(part, text):
    assert format_header(part) == text


def test_each_part_has_its_own_scale_unless_the_run_has():
    large = replace(IMAGE, values=IMAGE.values * 100)
    source = join(InputPart("x", IMAGE), InputPart("y", large))
    picture = pictures.get("inputs")()
    assert picture.find_scale(source, Style(clip=100)) == Scale(1500.0, True)
    alone = read_pixels(draw(source, kind="inputs", clip=100))
    shared = read_pixels(draw(source, kind="inputs", clip=100, limit=1500.0, signed=True))
    first, second = find_headers(alone, TOP)
    lower = slice(second + HEADER_HEIGHT, None)
    np.testing.assert_array_equal(alone[lower], shared[lower])
    upper = slice(first + HEADER_HEIGHT, second)
    assert not np.array_equal(alone[upper], shared[upper])


def test_a_model_of_one_input_has_its_usual_picture():
    for source in (IMAGE, ROW, SERIES):
        assert draw(source, kind="inputs").png == draw(source).png
    assert type(choose_picture(Style(), join(InputPart("x", IMAGE)).layout)).__name__ == "Overlay"


@pytest.mark.parametrize("values", [0.0, np.nan, np.inf, -2.0])
def test_the_edges_of_values_are_drawn(values):
    parts = [
        InputPart("x", replace(IMAGE, values=np.full((4, 4, 1), values, "f4")), 1.0),
        InputPart("y", replace(ROW, values=np.full(2, values, "f4")), 0.0),
    ]
    drawing = draw(join(*parts), kind="inputs")
    assert drawing.flat == (values == 0)
    assert len(find_headers(read_pixels(drawing), TOP)) == 2


def test_odd_names_are_written_and_cut():
    names = ("x" * 500, "a$b$", "\t\x1b[31m", "عربي", "🐶", "")
    parts = [InputPart(name, IMAGE, 1 / len(names)) for name in names]
    pixels = read_pixels(draw(join(*parts), kind="inputs"))
    assert pixels.shape[1] >= MIN_WIDTH
    assert len(find_headers(pixels, TOP)) == len(names)

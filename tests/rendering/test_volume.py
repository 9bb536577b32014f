"""Pictures of volumes: projections, slices, one scale, and what is at the edges."""

import numpy as np
import pytest

from inputgrad_cli.data.pictures.map_source import MapLayout
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.rendering import choose_picture, is_drawable
from inputgrad_cli.rendering.colour_maps import load_colour_table
from inputgrad_cli.rendering.volumes.slice_tiles import (
    GAP,
    LABEL_HEIGHT,
    SIDE,
    build_tile,
    choose_slices,
    measure_slices,
    scale_to_grey,
)
from inputgrad_cli.rendering.volumes.volume_video_base import EDGE, TOP

from .drawn import GREEN, build_source, draw, read_facts, read_pixels

BOX = (144, 232)  # of a projection
ROW_HEIGHT = LABEL_HEIGHT + SIDE + GAP  # of square slices
COLOURS = load_colour_table("RdBu_r").astype(int)
TOP_OF_SLICES = TOP + LABEL_HEIGHT + BOX[0] + GAP


def get_tile(pixels, index, size):
    """Return the pixels of a slice."""
    row, column = divmod(index, 8)
    left = EDGE + column * (SIDE + GAP)
    top = TOP_OF_SLICES + row * ROW_HEIGHT + LABEL_HEIGHT
    return pixels[top : top + size[0], left : left + size[1]]


@pytest.mark.parametrize(("depth", "rows"), [(1, 1), (8, 1), (9, 2), (16, 2), (300, 2)])
def test_a_picture_has_at_most_16_slices_in_two_rows(depth, rows):
    values = np.random.default_rng(0).normal(size=(depth, 4, 4, 1))
    pixels = read_pixels(draw(build_source(values, "volume")))
    assert pixels.shape == (TOP_OF_SLICES + rows * ROW_HEIGHT + 43, 976, 3)


def test_slices_and_projections_have_the_colours_of_the_values():
    values = np.zeros((2, 2, 2, 1))
    values[0, 0, 0], values[1, 0, 0], values[1, 1, 1] = -1, 2, -2
    pixels = read_pixels(draw(build_source(values, "volume"), clip=100)).astype(int)
    first, second = get_tile(pixels, 0, (SIDE, SIDE)), get_tile(pixels, 1, (SIDE, SIDE))
    half = SIDE // 2
    assert (first[:half, :half] == COLOURS[64]).all()
    assert (first[half:] == COLOURS[128]).all()
    assert (second[:half, :half] == COLOURS[255]).all()
    assert (second[half:, half:] == COLOURS[0]).all()
    projection = pixels[TOP + LABEL_HEIGHT :][: BOX[0], EDGE : EDGE + BOX[0]]
    assert (projection[:72, :72] == COLOURS[255]).all(), "the value of largest magnitude"
    assert (projection[72:, 72:] == COLOURS[0]).all()
    assert (projection[:72, 72:] == COLOURS[128]).all()


def test_the_input_is_a_grey_backdrop():
    values, seen = np.zeros((1, 2, 2, 1)), np.array([[0.0, 1.0], [2.0, 3.0]]).reshape(1, 2, 2, 1)
    drawing = draw(build_source(values, "volume", {"values": seen}), alpha=0.25)
    tile = get_tile(read_pixels(drawing), 0, (SIDE, SIDE)).astype(float)
    zero = COLOURS[128]
    corners = tile[[0, 0, -1, -1], [0, -1, 0, -1]]
    expected = 0.25 * zero + 0.75 * np.array([0, 85, 170, 255])[:, np.newaxis]
    np.testing.assert_allclose(corners, expected, atol=0.51)


def test_the_map_of_a_layer_is_enlarged_to_the_input():
    values = np.zeros((2, 1, 1, 1))
    values[1] = 1
    source = build_source(values, "volume", {"values": np.zeros((6, 4, 4, 1))})
    pixels = read_pixels(draw(source, clip=100, alpha=1.0)).astype(int)
    for index in range(6):
        tile = get_tile(pixels, index, (SIDE, SIDE))
        assert (tile == COLOURS[255 if index >= 3 else 128]).all()


def test_channels_are_reduced_as_those_of_images():
    values = np.ones((3, 4, 4, 2)) * [3.0, -4.0]
    for reduce, limit in (("sum", 1), ("l2", 5), ("max-abs", 4)):
        facts = read_facts(draw(build_source(values, "volume"), reduce=reduce, clip=100))
        assert facts["scale"]["high"] == pytest.approx(limit)
        assert f"{reduce} over channels" in facts["bar"]
    copied = build_source(np.full((3, 4, 4, 2), 3.0), "volume", copied=True)
    assert read_facts(draw(copied, clip=100))["scale"]["high"] == 3
    assert read_facts(draw(build_source(np.ones((3, 4, 4)), "volume")))["scale"]["high"] == 1


def test_the_strongest_slice_is_always_shown():
    for strongest in range(100):
        magnitudes = np.zeros(100)
        magnitudes[strongest] = 1
        chosen = choose_slices(magnitudes, 16)
        assert strongest in chosen
        assert len(set(chosen)) == 16
        assert chosen == sorted(chosen)
    assert choose_slices(np.ones(5), 16) == [0, 1, 2, 3, 4]


def test_half_of_the_slices_are_the_strongest_and_the_others_reach_both_ends():
    magnitudes = np.exp(-((np.arange(100) - 40.0) ** 2) / 50)
    chosen = choose_slices(magnitudes, 16)
    assert set(range(37, 44)) <= set(chosen)
    assert (chosen[0], chosen[-1]) == (0, 99)
    outside = np.diff([index for index in chosen if not 36 <= index <= 44])
    assert outside.max() <= 2 * 100 / 8


def test_a_slice_with_a_lost_value_comes_first_and_is_green():
    values = np.ones((40, 6, 6, 1))
    values[21, 2, 3] = np.inf
    assert 21 in choose_slices(measure_slices(values[..., 0]), 16)
    drawing = draw(build_source(values, "volume", {"values": np.zeros((40, 6, 6, 1))}))
    assert (read_pixels(drawing) == GREEN).all(axis=-1).sum() > (SIDE // 6) ** 2


def test_a_small_spot_of_a_large_slice_is_not_lost():
    values = np.zeros((500, 400))
    values[123, 321] = -7
    tile = build_tile("", values, None, (SIDE, SIDE))
    assert tile.heat.shape == (112, 90)
    assert tile.heat.min() == -7


def test_the_grey_of_an_input_spans_its_range():
    np.testing.assert_allclose(scale_to_grey(np.array([2.0, 3.0, np.nan, 4.0])), [0, 127.5, 0, 255])
    assert not scale_to_grey(np.full(3, 9)).any()


def test_the_scale_that_a_map_needs_is_its_own():
    picture = choose_picture(Style(), MapLayout((2, 2, 2, 1), subject="volume"))
    source = build_source(np.full((2, 2, 2, 1), -3.0), "volume")
    style = Style(clip=100, limit=0.0, signed=False)
    assert picture.find_scale(source, style) == Scale(3.0, True)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("fill", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (5, 8, 8, 1), (3, 1, 300, 2), (9, 4, 4, 7)])
def test_the_edges_are_drawn_without_a_warning(shape, fill):
    for seen in (None, np.full(shape, fill), np.zeros((2, 2))):
        drawing = draw(build_source(np.full(shape, fill), "volume", {"values": seen}))
        assert drawing.flat == (fill == 0 or np.isnan(fill))


def test_only_volumes_are_drawn_so():
    assert is_drawable(MapLayout((4, 8, 8, 1), subject="volume"))
    assert not is_drawable(MapLayout((4, 8), subject="volume"))
    assert not is_drawable(MapLayout((4, 0, 8, 1), subject="volume"))

"""Pictures of images, pixel by pixel on tiny maps, and the edges that all kinds share."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.map_source import MapSource
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.interfaces.picture import pictures
from inputgrad_cli.rendering.colour_maps import NAN_COLOUR, load_colour_table
from inputgrad_cli.rendering.images.contours import GROUND
from inputgrad_cli.rendering.images.image_picture_base import ImageMap
from inputgrad_cli.rendering.images.percentile import select_largest
from inputgrad_cli.rendering.images.target_outline import trace_edge

SIGNED = Caption("input-x-gradient", "top1", "logit", 1.0, "cat")
POSITIVE = replace(SIGNED, sign="positive")
KINDS = [cls.name for cls in pictures if issubclass(cls, ImageMap)]
INK = load_colour_table("RdBu_r")
FIRE = load_colour_table("inferno")


def draw(values, seen=None, caption=SIGNED, box=None, **style):
    """Return the pixels of a map (H, W), and the text in its file."""
    source = MapSource(np.asarray(values, np.float32)[..., None], seen, caption, box=box)
    (drawing,) = pictures.get(style["kind"])().draw([source], Style(**{"zoom": 1, **style}))
    with Image.open(io.BytesIO(drawing.png)) as picture:
        return np.asarray(picture).astype(int), json.loads(picture.text["inputgrad"])


def grey(height, width, level=100):
    return np.full((height, width, 3), level, np.uint8)


def test_contours_are_the_pixels_at_the_edge_of_a_region():
    region = np.zeros((5, 5), bool)
    region[:4, :4] = True
    edge = trace_edge(region)
    expected = np.zeros((5, 5), bool)
    expected[3, :4] = expected[:4, 3] = True  # the sides at the edge of the picture are none
    np.testing.assert_array_equal(edge, expected)
    assert not trace_edge(np.ones((3, 3), bool)).any()
    assert not trace_edge(np.zeros((3, 3), bool)).any()


def test_contours_of_both_signs_are_drawn_in_the_colours_of_their_levels():
    values = np.zeros((5, 9))
    values[1:4, 1:4], values[1:4, 5:8] = 0.6, -0.8
    values[2, 2] = 1.0
    pixels, _ = draw(values, grey(5, 9), kind="contours", clip=100)
    expected = np.full((5, 9, 3), 100)
    expected[1:4, 1:4] = INK[round(0.75 * 255)]  # half of the scale, above zero
    expected[2, 2] = INK[round(0.95 * 255)]
    expected[1:4, 5:8] = INK[round(0.125 * 255)]  # three quarters, below zero
    expected[2, 6] = 100  # what lies within a region is left as it is
    np.testing.assert_array_equal(pixels, expected)


def test_contours_are_one_pixel_wide_at_the_drawn_size():
    values = np.zeros((3, 3))
    values[1, 1] = 1
    pixels, _ = draw(values, grey(3, 3), POSITIVE, kind="contours", clip=100, zoom=8)
    line = (pixels != 100).any(axis=-1)
    assert line.sum() == 4 * 7
    assert (pixels[line] == FIRE[round(0.9 * 255)]).all()
    pixels, _ = draw(values, None, POSITIVE, kind="contours", clip=100, zoom=8)
    assert (pixels[~line] == GROUND).all()


def test_percentile_keeps_the_largest_sizes_and_their_equals():
    sizes = np.array([[1.0, 2.0, 3.0, 4.0], [4.0, 0.0, 0.0, np.nan]])
    assert select_largest(sizes, 100 / 7).sum() == 2  # one of seven, and its equal
    assert select_largest(sizes, 40).tolist() == (sizes >= 3).tolist()
    assert select_largest(sizes, 100).tolist() == (sizes > 0).tolist(), "zero is never kept"
    assert not select_largest(np.full((2, 2), np.nan), 50).any()
    assert select_largest(np.ones((2, 2)), 1).all(), "a constant map has no largest part"


def test_percentile_smooths_sizes_because_the_two_signs_cancel_where_they_meet():
    values = np.zeros((64, 64))
    values[16:48, 16:48] = np.where(np.indices((32, 32)).sum(axis=0) % 2, 1.0, -1.0)
    pixels, _ = draw(values, grey(64, 64, 200), kind="percentile", keep=20, smooth=True)
    assert (pixels[20:44, 20:44] == 200).all()


def test_percentile_shows_the_rest_dark_and_grey():
    seen = np.zeros((2, 2, 3), np.uint8)
    seen[:] = (200, 40, 0)
    pixels, _ = draw([[0, -5], [1, 2]], seen, kind="percentile", keep=25)
    dark = round(0.25 * (0.299 * 200 + 0.587 * 40))
    expected = np.full((2, 2, 3), dark)
    expected[0, 1] = (200, 40, 0)  # whatever its sign
    np.testing.assert_array_equal(pixels, expected)


def test_percentile_without_an_image_shows_the_map():
    pixels, _ = draw([[0, -5], [1, 2]], None, kind="percentile", keep=25, clip=100)
    assert pixels[0, 1].tolist() == INK[0].tolist()
    assert len(set(pixels[1, 1])) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seen", [None, grey(4, 4)])
@pytest.mark.parametrize(
    ("values", "limit"),
    [
        (np.zeros((4, 4)), 0.0),
        (np.full((4, 4), 3.0), 3.0),
        (np.full((4, 4), -3.0), 3.0),
        (np.arange(16.0).reshape(4, 4), 15.0),
        (np.full((4, 4), np.nan), 0.0),
        (np.full((4, 4), np.inf), 0.0),
        (np.where(np.eye(4) > 0, -np.inf, 2.0), 2.0),
    ],
)
def test_the_edges_of_values_are_drawn_by_every_kind(kind, seen, values, limit):
    pixels, text = draw(values, seen, kind=kind, clip=100)
    assert text["kind"] == kind
    scale = text["scale"] if "scale" in text else text["tiles"][0]["scale"]
    assert scale["high"] == pytest.approx(limit)
    assert scale["low"] == pytest.approx(-limit), "the method is signed, whatever the values are"
    assert pixels.min() >= 0


@pytest.mark.parametrize("kind", ["overlay", "heatmap", "contours", "percentile"])
@pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_pure_green(kind, lost):
    values = np.ones((3, 3))
    values[1, 1] = lost
    pixels, text = draw(values, grey(3, 3), kind=kind)
    green = (pixels == NAN_COLOUR).all(axis=-1)
    np.testing.assert_array_equal(green, ~np.isfinite(values))
    assert text["scale"]["high"] == 1


@pytest.mark.parametrize("kind", ["overlay", "heatmap", "contours", "percentile"])
def test_maps_of_layers_are_enlarged_smoothly_and_those_of_inputs_by_pixels(kind):
    values = np.array([[0.0, 1.0], [0.0, 0.0]])
    style = {"kind": kind, "clip": 100, "zoom": 8, "keep": 30}
    blocks, _ = draw(values, grey(2, 2), POSITIVE, **style)
    assert blocks.shape == (16, 16, 3)
    if kind != "contours":  # whose lines are one pixel wide in any case
        np.testing.assert_array_equal(blocks, blocks[::8, ::8].repeat(8, 0).repeat(8, 1))
    smooth, _ = draw(values, grey(2, 2), replace(POSITIVE, site="layer:top"), **style)
    assert smooth.shape == (16, 16, 3)
    assert not np.array_equal(smooth, blocks)
    ramp, _ = draw(
        values, grey(2, 2), replace(POSITIVE, site="layer:top"), kind="heatmap", clip=100, zoom=8
    )
    levels = [FIRE.astype(int).tolist().index(colour) for colour in ramp[0].tolist()]
    assert levels == sorted(levels)
    assert len(set(levels)) > 8


def test_smoothing_changes_what_is_drawn_and_not_the_scale():
    values = np.zeros((100, 100))
    values[50, 50] = 8.0
    _, text = draw(values, kind="heatmap", caption=POSITIVE, clip=100)
    soft, other = draw(values, kind="heatmap", caption=POSITIVE, clip=100, smooth=True)
    assert text["scale"] == other["scale"]
    assert other["bar"] == text["bar"] + ", smoothed"
    # A Gaussian of standard deviation 2: a fiftieth of the side.
    centre = FIRE.astype(int).tolist().index(soft[50, 50].tolist()) / 255
    assert centre == pytest.approx(1 / (2 * np.pi * 2**2), abs=1 / 255)
    constant = draw(np.full((9, 9), 2.0), kind="heatmap", smooth=True)[0]
    assert (constant == INK[255]).all()


def test_smoothing_spreads_no_lost_value_and_leaves_layers_alone():
    values = np.ones((60, 60))
    values[20, 20] = np.nan
    pixels, _ = draw(values, kind="heatmap", smooth=True)
    green = (pixels == NAN_COLOUR).all(axis=-1)
    assert green.sum() == 1
    assert (pixels[~green] == INK[255]).all()
    layer = replace(POSITIVE, site="layer:top")
    fine = np.random.default_rng(0).random((60, 60))
    sharp, text = draw(fine, caption=layer, kind="heatmap")
    soft, other = draw(fine, caption=layer, kind="heatmap", smooth=True)
    np.testing.assert_array_equal(sharp, soft)
    assert text["bar"] == other["bar"]


def test_the_method_alone_decides_whether_a_scale_has_two_sides():
    values = np.array([[0.0, 1.0], [0.5, 0.25]])
    assert draw(values, kind="heatmap", clip=100)[1]["scale"] == {"low": -1, "high": 1}
    assert draw(-values, kind="heatmap", clip=100)[1]["scale"] == {"low": -1, "high": 1}
    assert draw(values, None, POSITIVE, kind="heatmap", clip=100)[1]["scale"]["low"] == 0


def test_a_map_lies_over_the_part_that_the_model_saw_and_nothing_else_is_coloured():
    seen = np.full((2, 6, 3), (90, 90, 90), np.uint8)
    values = [[1.0, -1.0]]
    pixels, _ = draw(values, seen, box=(1, 0, 5, 2), kind="overlay", clip=100, zoom=None)
    assert pixels.shape == (2, 6, 3), "the picture keeps its own size"
    np.testing.assert_array_equal(pixels[:, [0, 5]], 90)
    red = np.rint((INK[255] + 90.0) / 2)
    blue = np.rint((INK[0] + 90.0) / 2)
    assert np.abs(pixels[:, 1:3] - red).max() <= 1
    assert np.abs(pixels[:, 3:5] - blue).max() <= 1
    heat, _ = draw(values, seen, box=(1, 0, 5, 2), kind="heatmap", clip=100, zoom=2)
    assert heat.shape == (4, 12, 3)
    np.testing.assert_array_equal(heat[:, :2], 255)
    np.testing.assert_array_equal(heat[:, 2:6], np.broadcast_to(INK[255], (4, 4, 3)))


def test_a_padded_view_leaves_its_border_out():
    seen = grey(2, 4)
    values = np.array([[9.0, 9, 9, 9], [1, 2, 3, 4], [-1, -2, -3, -4], [9, 9, 9, 9]])
    pixels, text = draw(values, seen, box=(0, -1, 4, 3), kind="heatmap", clip=100)
    index = np.rint((values[1:3] / 9 + 1) / 2 * 255).astype(int)
    np.testing.assert_array_equal(pixels, INK[index])
    assert text["scale"]["high"] == 9, "the scale is that of the stored values"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_draws_over_the_original(kind):
    values = np.random.default_rng(0).standard_normal((4, 4))
    for caption in (SIGNED, replace(POSITIVE, site="layer:top")):
        pixels, _ = draw(values, grey(20, 50), caption, box=(15, 0, 35, 20), kind=kind)
        if kind not in ("panel", "grid"):
            assert pixels.shape == (20, 50, 3)
            sides = np.concatenate([pixels[:, :15], pixels[:, 35:]], axis=1)
            assert len(np.unique(sides)) == 1
            assert (sides[..., 0] == sides[..., 2]).all()

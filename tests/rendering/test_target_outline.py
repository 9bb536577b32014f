"""What a target is about is marked in its picture: the edge of a mask, or a ring around a unit."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.map_source import MapSource
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.pictures.target_region import Region, describe_region, fit_region
from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget
from inputgrad_cli.interfaces.picture import pictures
from inputgrad_cli.rendering.colour_maps import NAN_COLOUR
from inputgrad_cli.rendering.images.target_outline import BRIGHT, DARK, RING_RADIUS, trace_lines

ABOUT = Caption("ig", "mask:m.png", "logit", 1.0)
LINED = ["overlay", "contours", "percentile"]


def mask_of(*rows):
    return np.array([[letter == "#" for letter in row] for row in rows])


SQUARE = mask_of(".......", ".......", "..###..", "..###..", "..###..", ".......", ".......")
# The eight outer pixels of the square are bright; what touches a bright one with a side is dark.
EXPECTED = np.array(
    [
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 1, 1, 1, 0, 0],
        [0, 1, 2, 2, 2, 1, 0],
        [0, 1, 2, 1, 2, 1, 0],
        [0, 1, 2, 2, 2, 1, 0],
        [0, 0, 1, 1, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ]
)


def mask_target(path="m.png"):
    return ResolvedTarget(f"mask:{path}", "out", "mask", "logit", argument=path)


def unit_target(*index):
    return ResolvedTarget("unit", "out", "units", "logit", terms=(tuple(index),))


def store(mask):
    """Return the region of a mask as a file holds it."""
    return json.loads(json.dumps(describe_region(mask_target(), (), {"m.png": mask})))


def draw(values, region, seen=None, **style):
    """Return the pixels of a map (H, W) whose target is about a region."""
    source = MapSource(np.asarray(values, "f4")[..., None], seen, ABOUT, region=region)
    style = Style(**{"zoom": 1, "clip": 100, **style})
    (drawing,) = pictures.get(style.kind)().draw([source], style)
    with Image.open(io.BytesIO(drawing.png)) as picture:
        return np.asarray(picture).astype(int)


def test_a_bright_line_lies_within_a_dark_one():
    lines = trace_lines(Region((7, 7), SQUARE))
    np.testing.assert_array_equal(lines, EXPECTED)
    whole = trace_lines(Region((3, 4), np.ones((3, 4), bool)))
    assert not whole.any(), "the edge of the picture is no edge of the mask"
    single = trace_lines(Region((3, 3), mask_of("...", ".#.", "...")))
    np.testing.assert_array_equal(single, [[0, 1, 0], [1, 2, 1], [0, 1, 0]])
    corner = trace_lines(Region((3, 3), mask_of("##.", "##.", "...")))
    np.testing.assert_array_equal(corner, [[1, 2, 1], [2, 2, 1], [1, 1, 0]])


def test_a_ring_has_the_radius_of_four_pixels_around_the_unit():
    lines = trace_lines(Region((21, 21), unit=(10.0, 10.0)))
    rows, columns = np.nonzero(lines == BRIGHT)
    distances = np.hypot(rows - 10, columns - 10)
    assert np.abs(distances - RING_RADIUS).max() < 0.5
    assert {(6, 10), (14, 10), (10, 6), (10, 14)} <= set(zip(rows, columns, strict=True))
    assert not lines[8:13, 9:12].any(), "the unit itself is not covered"
    assert (lines[[4, 5], 10] == [0, DARK]).all()
    edge = trace_lines(Region((21, 21), unit=(0.0, 20.0)))
    np.testing.assert_array_equal(edge[:11, 10:], lines[10:, :11])


@pytest.mark.parametrize("kind", LINED)
@pytest.mark.parametrize("seen", [None, np.full((7, 7, 3), 100, np.uint8)])
def test_lines_are_the_only_change_of_a_picture(kind, seen):
    values = np.arange(49.0).reshape(7, 7) - 20
    plain = draw(values, None, seen, kind=kind)
    lined = draw(values, Region((7, 7), SQUARE), seen, kind=kind)
    assert (lined[EXPECTED == BRIGHT] == 255).all()
    assert (lined[EXPECTED == DARK] == 0).all()
    np.testing.assert_array_equal(lined[EXPECTED == 0], plain[EXPECTED == 0])


def test_the_map_alone_has_no_lines():
    values = np.arange(49.0).reshape(7, 7)
    plain, lined = (draw(values, r, kind="heatmap") for r in (None, Region((7, 7), SQUARE)))
    np.testing.assert_array_equal(plain, lined)


@pytest.mark.parametrize("kind", LINED)
def test_lines_are_enlarged_with_the_pixels_of_the_input(kind):
    values, region = np.ones((7, 7)), Region((7, 7), SQUARE)
    large = draw(values, region, kind=kind, zoom=4)
    expected = EXPECTED.repeat(4, 0).repeat(4, 1)
    assert (large[expected == BRIGHT] == 255).all()
    assert (large[expected == DARK] == 0).all()


def test_panels_and_grids_have_the_lines_over_the_map_and_not_over_the_input():
    seen, region = np.full((7, 7, 3), 100, np.uint8), Region((7, 7), SQUARE)
    factor = 20
    for kind in ("panel", "grid"):
        plain, lined = (
            draw(np.ones((7, 7)), r, seen, kind=kind, zoom=factor) for r in (None, region)
        )
        changed = (plain != lined).any(axis=-1)
        assert changed.sum() == np.count_nonzero(EXPECTED) * factor**2
        columns = np.flatnonzero(changed.any(axis=0))
        assert columns[-1] - columns[0] < 7 * factor, "in one of the tiles"


def test_the_map_of_a_layer_has_lines_in_pixels_of_the_input():
    seen = np.full((7, 7, 3), 100, np.uint8)
    about = replace(ABOUT, site="layer:top")
    source = MapSource(np.ones((2, 2, 1), "f4"), seen, about, region=Region((7, 7), SQUARE))
    (drawing,) = pictures.get("overlay")().draw([source], Style(zoom=3))
    with Image.open(io.BytesIO(drawing.png)) as picture:
        pixels = np.asarray(picture)
    expected = EXPECTED.repeat(3, 0).repeat(3, 1)
    assert (pixels[expected == BRIGHT] == 255).all()
    assert (pixels[expected == DARK] == 0).all()


def test_lines_lie_where_the_map_lies_on_the_original():
    seen = np.full((14, 30, 3), 100, np.uint8)
    region = Region((7, 7), SQUARE)
    source = MapSource(np.zeros((7, 7, 1), "f4"), seen, ABOUT, box=(8, 0, 22, 14), region=region)
    (drawing,) = pictures.get("contours")().draw([source], Style())
    with Image.open(io.BytesIO(drawing.png)) as picture:
        pixels = np.asarray(picture).astype(int)
    assert (pixels[:, :8] == 100).all()
    assert (pixels[:, 22:] == 100).all()
    levels = np.array([100, 0, 255])[EXPECTED.repeat(2, 0).repeat(2, 1)]
    np.testing.assert_array_equal(pixels[:, 8:22, 0], levels)


@pytest.mark.parametrize("kind", LINED)
def test_lines_hide_no_value_that_is_not_a_number(kind):
    values = np.ones((7, 7))
    values[2, 2] = np.nan
    pixels = draw(values, Region((7, 7), SQUARE), kind=kind)
    assert pixels[2, 2].tolist() == list(NAN_COLOUR)
    assert (pixels[2, 3] == 255).all()


def test_pictures_with_and_without_lines_are_drawn_together_as_alone():
    seen = np.full((7, 7, 3), 100, np.uint8)
    values = np.arange(49.0, dtype="f4").reshape(7, 7, 1)
    regions = [None, Region((7, 7), SQUARE), Region((7, 7), unit=(3.0, 3.0))]
    for background in (None, seen):
        sources = [MapSource(values, background, ABOUT, region=region) for region in regions]
        picture = pictures.get("overlay")()
        together = [drawing.png for drawing in picture.draw(sources, Style())]
        assert together == [picture.draw([each], Style())[0].png for each in sources]
        assert len(set(together)) == 3


@pytest.mark.parametrize("shape", [(5, 7), (1, 1), (8, 8), (3, 100)])
def test_a_mask_is_read_back_from_its_record_as_it_was(shape):
    mask = np.random.default_rng(0).random(shape) < 0.5
    region = fit_region(store(mask), shape)
    assert region.size == shape
    np.testing.assert_array_equal(region.mask, mask)


def test_a_mask_of_another_size_is_brought_to_that_of_the_image():
    region = fit_region(store(mask_of("#.", "..")), (4, 4))
    np.testing.assert_array_equal(region.mask, mask_of("##..", "##..", "....", "...."))
    assert fit_region(store(np.ones((38, 25), bool)), (150, 100)), "a side that was rounded up"
    assert fit_region(store(np.ones((4, 8), bool)), (8, 4)) is None
    assert fit_region(store(np.ones((4, 8), bool)), (8, 8)) is None
    assert fit_region(store(np.ones((4, 4), bool)), None) is None
    assert fit_region(None, (4, 4)) is None


def test_a_unit_stands_at_the_centre_of_what_its_cell_covers():
    record = describe_region(unit_target(1, 2, 5), (4, 4, 9), {})
    assert record == {"shape": [4, 4, 9], "unit": [1, 2, 5]}
    assert fit_region(record, (4, 4)).unit == (1.0, 2.0)
    assert fit_region(record, (32, 32)).unit == (11.5, 19.5)  # of cells of 8 pixels
    assert fit_region(record, (32, 64)) is None


@pytest.mark.parametrize(
    ("target", "shape"),
    [
        (unit_target(3), (10,)),
        (unit_target(0, 3), (1, 10)),
        (unit_target(0, 0, 3), (1, 1, 10)),
        (unit_target(1, 1, 1, 1), (4, 4, 4, 4)),
        (ResolvedTarget("mean", "out", "reduce", "logit"), (4, 4, 1)),
        (ResolvedTarget("margin", "out", "units", "logit", terms=((1,), (2,))), (9,)),
    ],
)
def test_a_target_that_is_no_part_of_an_image_has_no_region(target, shape):
    assert describe_region(target, shape, {}) is None


def test_an_output_of_two_axes_is_an_image_only_if_it_has_the_size_of_the_input():
    record = describe_region(unit_target(1, 2), (8, 8), {})
    assert fit_region(record, (8, 8)).unit == (1.0, 2.0)
    assert fit_region(record, (16, 16)) is None, "it may be a table of boxes"


@pytest.mark.parametrize(
    "change",
    [
        {"mask": "not base64"},
        {"mask": "AAAA"},
        {"mask": "é"},
        {"shape": []},
        {"shape": [7]},
        {"shape": [0, 0]},
        {"shape": [1 << 40, 1 << 40]},
        {"mask": ""},
        {"mask": "", "unit": [1]},
    ],
)
def test_a_damaged_record_gives_no_lines(change):
    assert fit_region({**store(SQUARE), **change}, (7, 7)) is None

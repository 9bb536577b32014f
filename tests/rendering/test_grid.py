"""The picture of all maps of an item: each tile is there, named, on the scale of its method."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.map_source import ClassView, MapLayout, MapSource
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.interfaces.picture import choose_picture, class_pictures, is_drawable, pictures
from inputgrad_cli.rendering.class_comparison.top_class_selection import rank_classes
from inputgrad_cli.rendering.colour_maps import load_colour_table
from inputgrad_cli.rendering.images.grid import arrange_tiles
from inputgrad_cli.rendering.images.grid_tile_compositing import (
    build_input_tiles,
    build_tile_layers,
)
from inputgrad_cli.rendering.images.named_tiles import (
    GAP,
    MAX_SIDE,
    TILE_SIDE,
    TITLE_HEIGHT,
    choose_factor,
    reduce_pixels,
)

SEEN = np.full((4, 4, 3), (10, 200, 30), np.uint8)
RED_AND_BLUE = load_colour_table("RdBu_r")


def source(method="ig", target="cat", limit=1.0, seen=SEEN, **caption):
    """Return a map whose largest value is the limit, in the upper left corner."""
    values = np.zeros((4, 4, 1), np.float32)
    values[0, 0] = limit
    about = Caption(method, target, "logit", 2.5, target, item="a.png", probability=0.75)
    caption = {"over": None if seen is None else "image", **caption}
    return MapSource(values, seen, replace(about, **caption))


def draw(sources, **style):
    drawing = pictures.get("grid")().draw_together(sources, Style(clip=100, **style))
    with Image.open(io.BytesIO(drawing.png)) as picture:
        return np.asarray(picture).astype(int), json.loads(picture.text["inputgrad"])


def tile(pixels, row, column, top=TITLE_HEIGHT):
    """Return the picture of a tile of the first row."""
    assert row == 0
    left = GAP + column * (TILE_SIDE + GAP)
    return pixels[top : top + TILE_SIDE, left : left + TILE_SIDE]


def test_the_input_comes_first_and_then_every_map():
    pixels, text = draw([source(), source("grad", limit=3.0)], alpha=1.0)
    assert text["kind"] == "grid"
    assert [each["method"] for each in text["tiles"]] == ["ig", "grad"]
    assert (tile(pixels, 0, 0) == SEEN[0, 0]).all()
    for column in (1, 2):
        shown = tile(pixels, 0, column)
        assert (shown[: TILE_SIDE // 4, : TILE_SIDE // 4] == RED_AND_BLUE[255]).all()
        assert (shown[TILE_SIDE // 4 :] == RED_AND_BLUE[128]).all()
    assert (pixels[:, GAP + 3 * (TILE_SIDE + GAP) - GAP :] == 255).all(), "there is no fourth tile"


def test_maps_of_one_method_have_one_scale_and_other_methods_their_own():
    maps = [source("ig", "cat", 1.0), source("ig", "dog", 4.0), source("grad", "cat", 0.5)]
    highs = [each["scale"]["high"] for each in draw(maps)[1]["tiles"]]
    assert highs == [4.0, 4.0, 0.5]
    one_sided = replace(source("cam", limit=2.0).caption, sign="positive")
    lows = [
        each["scale"]["low"]
        for each in draw([maps[0], replace(maps[0], caption=one_sided)])[1]["tiles"]
    ]
    assert lows == [-1.0, 0.0]


def test_a_row_for_each_method_if_there_are_several_targets():
    maps = [source(method, target) for method in ("a", "b") for target in ("cat", "dog")]
    layers = [build_tile_layers(each, Style(), Scale(1.0, True)) for each in maps]
    rows = arrange_tiles(build_input_tiles(layers), layers)
    assert [len(row) for row in rows] == [3, 3]
    assert rows[1][0] is None, "the input is shown once"
    assert [each.lines[0] for each in rows[1][1:]] == ["b", "b"]
    assert rows[0][1].lines == ("a", "cat, 75.0 %", "logit 2.5")
    single = arrange_tiles(build_input_tiles(layers), layers[::2])
    assert [len(row) for row in single] == [3]
    many = [build_tile_layers(source(str(n)), Style(), Scale(1.0, True)) for n in range(11)]
    assert [len(row) for row in arrange_tiles([], many)] == [4, 4, 3]


def test_two_inputs_are_both_shown_and_none_if_the_source_is_gone():
    both = [source(site="x", over="x"), source(site="y", over="y", seen=SEEN // 2)]
    layers = [build_tile_layers(each, Style(), Scale(1.0, True)) for each in both]
    tiles = build_input_tiles(layers)
    assert [each.lines for each in tiles] == [("input x",), ("input y",)]
    assert tiles[1].pixels[0, 0].tolist() == [5, 100, 15]
    assert build_input_tiles([build_tile_layers(source(seen=None), Style(), Scale(1, True))]) == []
    draw([source(seen=None)])


@pytest.mark.parametrize(("side", "factor"), [(4, 64), (64, 4), (100, 2), (224, 1), (999, 1)])
def test_small_pictures_are_enlarged_and_large_ones_reduced(side, factor):
    assert choose_factor(side, side) == factor
    assert choose_factor(side, 1) == factor
    reduced = reduce_pixels(np.full((side, side // 2, 3), 77, np.uint8))
    assert max(reduced.shape) <= MAX_SIDE
    assert (reduced == 77).all()


def test_odd_names_are_written_and_nothing_is_cut_off_the_picture():
    for item in ("x" * 500, "a$b$.png", "\t\x1b[31m", "عربي.png", "🐶.png", ""):
        pixels, _ = draw([source(item=item, label="ẞ" * 300, method="m" * 200)])
        assert (pixels[:, -4:] == 255).all()


def test_values_that_are_not_finite_are_said_below_the_bar():
    lost = source()
    lost.values[1, 1] = np.nan
    pixels, text = draw([lost])
    assert ((pixels == (0, 255, 0)).all(axis=-1)).sum() == (TILE_SIDE // 4) ** 2
    assert text["scale"]["high"] == 1.0


def classes(count, scores=None):
    """Return the source of a map for all classes, each with its index as its largest value."""
    scores = scores or list(range(count))
    top = rank_classes(scores)[:8]
    values = np.stack([source(limit=float(i)).values for i in top])
    captions = tuple(
        replace(source().caption, label=None, target=f"class:{i}", class_index=i, score=scores[i])
        for i in top
    )
    view = ClassView(captions, values, count - len(top))
    return replace(source(), values=values[0], caption=captions[0], classes=view)


def test_all_classes_are_a_strip_of_those_of_largest_score():
    strip = choose_picture(Style(), classes(20).layout)
    assert strip.name == "class-strip"
    (drawing,) = strip.draw([classes(20)], Style(clip=100))
    with Image.open(io.BytesIO(drawing.png)) as picture:
        text = json.loads(picture.text["inputgrad"])
        assert picture.width > 9 * TILE_SIDE
    assert [each["class_index"] for each in text["tiles"]] == list(range(19, 11, -1))
    assert {each["scale"]["high"] for each in text["tiles"]} == {19.0}, "one scale"
    assert drawing.scale.limit == 19
    assert strip.find_scale(classes(20), Style(clip=100)).limit == 19


def test_the_grid_shows_the_classes_too_and_only_if_it_is_asked_for():
    layout = classes(3).layout
    assert choose_picture(Style(kind="grid"), layout).name == "grid"
    assert choose_picture(Style(kind="panel"), layout).name == "class-strip"
    assert [each["class_index"] for each in draw([classes(3)])[1]["tiles"]] == [2, 1, 0]
    assert not is_drawable(MapLayout((9,), subject="signal", has_classes=True))
    assert all(not cls.per_item or cls.name == "grid" for cls in [*pictures, *class_pictures])


def test_classes_without_a_finite_score_come_last():
    assert rank_classes([1.0, None, 3.0, float("nan"), 3.0]) == [2, 4, 0, 1, 3]
    assert rank_classes([]) == []

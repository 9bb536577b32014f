"""Pictures of searches: before, after, the change with its factor, the trace."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli.data.caption import Caption
from inputgrad_cli.data.picture_style import Style
from inputgrad_cli.interfaces.picture import (
    MapLayout,
    MapSource,
    SearchView,
    choose_picture,
    is_drawable,
)
from inputgrad_cli.rendering import pictures
from inputgrad_cli.rendering.searches.panel import (
    FACTORS,
    GREY,
    MAX_LEVELS,
    choose_factor,
    scale_to_levels,
    to_pixels,
)

TRACE = np.array([[0, -2.0, 0, 0, 0], [1, -0.5, 1, 1, 0], [2, 0.5, 2, 2, 0]], np.float32)


def search_of(before, after):
    return MapSource(
        after.astype("float64") - before,
        None,
        Caption("pgd", "auto", "logit"),
        SearchView(before, after, ("cross 100.0 %", "star 71.2 %"), TRACE),
    )


def draw(source, **style):
    (drawing,) = choose_picture(Style(**style), source.layout).draw([source], Style(**style))
    image = Image.open(io.BytesIO(drawing.png))
    return np.asarray(image), json.loads(image.info["inputgrad"])


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("kind", ["overlay", "panel"])
def test_a_panel_says_by_what_factor_the_change_is_enlarged(rng, channels, kind):
    before = rng.integers(20, 200, (16, 12, channels)).astype(np.uint8)
    after = (before + rng.integers(-4, 5, before.shape)).astype(np.uint8)
    pixels, text = draw(search_of(before, after), kind=kind)
    assert pixels.ndim == 3
    assert text["kind"] == "search-panel"
    assert text["factor"] == 20  # 4 levels x 20 is within 127, x 50 is not
    assert text["method"] == "pgd"


def test_no_change_is_grey_and_the_largest_change_is_within_the_range():
    for largest in (0.4, 1, 3, 40, 127, 200):
        factor = choose_factor(np.array([[largest, -largest]]))
        assert factor in FACTORS
        assert factor * largest <= MAX_LEVELS or factor == 1
    flat = np.full((2, 2, 3), GREY)
    assert (to_pixels(flat) == GREY).all()
    assert choose_factor(np.zeros((2, 2, 1))) == 1


def test_arrays_before_and_after_are_on_one_scale(rng):
    before = rng.normal(size=(8, 8, 3)).astype("float32")
    after = before + np.float32(0.5)
    low, high = scale_to_levels(before, after)
    assert low.min() == pytest.approx(0)
    assert high.max() == pytest.approx(255)
    slope = 255 / float(after.max() - before.min())
    np.testing.assert_allclose(high - low, 0.5 * slope, rtol=1e-4)
    pixels = scale_to_levels(np.array([[[7, 9]]], np.uint8), np.array([[[8, 9]]], np.uint8))
    assert [levels.tolist() for levels in pixels] == [[[[7, 9]]], [[[8, 9]]]]


@pytest.mark.parametrize("shape", [(64,), (64, 3), (64, 20)])
def test_a_signal_is_drawn_before_and_after(rng, shape):
    before = rng.normal(size=shape).astype("float32")
    after = before.copy()
    after[30:34] += 2
    pixels, text = draw(search_of(before, after))
    assert pixels.std() > 10
    assert text["kind"] == "search-signal"
    assert len(text["channels"]) == min(8, 1 if len(shape) == 1 else shape[1])


def test_the_change_of_a_row_of_a_table_has_no_picture():
    assert not is_drawable(MapLayout((9,), is_search=True))
    assert not is_drawable(MapLayout((), is_search=True))


def test_maps_and_searches_have_kinds_of_their_own():
    for shape in [(8, 8, 3), (64,), (64, 2)]:
        for style in pictures.list_names():
            layout = MapLayout(shape, is_search=True)
            assert choose_picture(Style(kind=style), layout).name.startswith("search-")
    assert choose_picture(Style(), MapLayout((8, 8, 3))).name == "overlay"
    assert not is_drawable(MapLayout((64,)))

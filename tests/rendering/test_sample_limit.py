"""Of a file of many samples, pictures that are drawn one by one are drawn up to the same limit."""

import pytest

from inputgrad_cli.data.pictures.input_modality import (
    LOGO,
    ROW,
    SIGNAL,
    SOUND,
    STRIP,
    TEXT,
    VIDEO,
    VOLUME,
)
from inputgrad_cli.data.pictures.map_source import MapLayout
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.interfaces.picture import (
    MAX_SAMPLES,
    class_pictures,
    find_limited_kind,
    has_pictures,
    pictures,
    search_pictures,
)

LAYOUTS = [
    (MapLayout((9,), subject=ROW), "bars"),
    (MapLayout((9,), is_search=True, subject=ROW), "bars"),
    (MapLayout((9, 4), subject=TEXT), "text"),
    (MapLayout((300,), subject=SIGNAL), "signal"),
    (MapLayout((300,), is_search=True, subject=SIGNAL), "signal"),
    (MapLayout((300,), subject=SOUND), "signal"),
    (MapLayout((9, 4), subject=LOGO), "logo"),
    (MapLayout((4, 9, 9, 1), subject=VOLUME), "volume"),
    (MapLayout((4, 9, 9, 3), subject=VIDEO), "video"),
    (MapLayout((2, 2, 2, 2, 2), subject=STRIP), "strip"),
]


@pytest.mark.parametrize(("layout", "kind"), LAYOUTS)
def test_the_kind_that_lifts_the_limit_is_named(layout, kind):
    assert find_limited_kind(layout, Style(), MAX_SAMPLES) is None
    assert find_limited_kind(layout, Style(), MAX_SAMPLES + 1) == kind
    assert not has_pictures(layout, Style(), MAX_SAMPLES + 1)
    assert has_pictures(layout, Style(kind=kind), 10_000)


def test_only_images_have_no_limit():
    """Each of them has a picture; they are drawn together, in a few milliseconds."""
    for cls in (*pictures, *search_pictures, *class_pictures):
        is_image = cls.subjects == "picture inputs"
        assert cls.max_samples == (None if is_image else MAX_SAMPLES), cls.name
    assert has_pictures(MapLayout((9, 9, 3)), Style(), 10_000)

"""The base class of pictures, the map that they are drawn from, and their registry.

How to add a kind of picture:

1. Write one file in the folder of `rendering/` that fits, as `rendering/images/my_picture.py`: a
   frozen dataclass that inherits from `Picture` and is decorated with `@pictures.register`. It sets
   `name`, `help` and `subjects`, in this order, and defines `supports` and `draw`.
   `rendering/__init__.py` imports every file below it, so nothing else needs to be edited.
   `rendering/images/heatmap.py` is a short example.
2. Write one test file, `tests/rendering/test_my_picture.py`.

A run draws the kind that `--picture` names wherever it supports the map, and otherwise the first
kind that does. So a kind for vectors leaves the pictures of images as they are. A kind that must
know more of a map adds that as a field of `MapLayout` or `SampleView`; sources are built in
`runs/pictures/map_picture_data.py`. `data/pictures/input_modality.py` says what each map is of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inputgrad_cli.data.pictures.drawing import Drawing
from inputgrad_cli.data.pictures.map_source import MapLayout, MapSource
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.errors import UsageError
from inputgrad_cli.registry import Registry

# Samples of a file of which each gets a picture without being asked for, where each is drawn by
# itself: that takes 15 to 250 ms, and those of images, which are drawn together, a few.
MAX_SAMPLES = 100


@dataclass(frozen=True)
class Picture:
    """A kind of picture.

    - `name`: what users type.
    - `help`: what it shows, for the help of `--picture`.
    - `subjects`: the inputs whose maps it draws, as a plural noun (`picture inputs`, `tables`).
    - `extra_endings`: the endings of the files beside the PNG, in `Drawing.extras`.
    - `needs_input`: whether it shows values of the input, which are in its file alone.
    - `max_samples`: of a file with more samples it draws none, unless `--picture` names a kind for
      such subjects.
    - `per_item`: all maps of an item are drawn in one picture, after the last of them.
    - `joins_inputs`: all inputs of a map are drawn in one picture.
    """

    name: ClassVar[str]
    help: ClassVar[str]
    subjects: ClassVar[str]
    extra_endings: ClassVar[tuple[str, ...]] = ()
    needs_input: ClassVar[bool] = True
    max_samples: ClassVar[int | None] = None
    per_item: ClassVar[bool] = False
    joins_inputs: ClassVar[bool] = False

    def supports(self, layout: MapLayout) -> bool:
        """Return whether maps of this layout can be drawn."""
        raise TypeError(f"{type(self).__name__} does not define supports()")

    def explain_refusal(self, layout: MapLayout) -> str:
        """Return why another kind draws this map, where a user who named this one must know it."""
        return ""

    def draw(self, sources: Sequence[MapSource], style: Style) -> list[Drawing]:
        """Return a drawing of each source, as if it were drawn alone; all share one batch key.

        Each has its own scale, unless `style.limit` sets one for all pictures of a run.
        """
        raise TypeError(f"{type(self).__name__} does not define draw()")

    def draw_together(self, sources: Sequence[MapSource], style: Style) -> Drawing:
        """Return one drawing of all maps of one sample, for a kind that is drawn per item."""
        raise TypeError(f"{type(self).__name__} does not define draw_together()")

    def find_scale(self, source: MapSource, style: Style) -> Scale:
        """Return the scale that this map needs, from which `--scale run` makes one for all."""
        # Values that are not finite have a colour of their own, outside of the scale.
        finite = source.values[np.isfinite(source.values)]
        return Scale(float(np.abs(finite).max(initial=0.0)), bool((finite < 0).any()))

    def choose_scale(self, source: MapSource, style: Style) -> Scale:
        """Return the scale to draw with: that of the run if the style has one, or the map's own."""
        if style.limit is None:
            return self.find_scale(source, style)
        return Scale(style.limit, bool(style.signed))

    def refuse_large(self, source: MapSource, style: Style) -> None:
        """Raise ItemError if the picture would be too large for memory in this style."""


pictures: Registry[Picture] = Registry("kind of picture")
search_pictures: Registry[Picture] = Registry("kind of picture of a search")
class_pictures: Registry[Picture] = Registry("kind of picture of all classes")


def is_drawable(layout: MapLayout) -> bool:
    """Return whether any kind of picture supports maps of this layout."""
    return any(cls().supports(layout) for cls in _get_registry(layout))


def choose_picture(style: Style, layout: MapLayout) -> Picture:
    """Return the kind of the style if it supports the layout, otherwise the first that does.

    The default kind comes first, then the others in the order of registration. Raises UsageError
    if no kind supports the layout, or the style's kind is not registered. Searches and the maps of
    all classes have kinds of their own, of which the style's is taken if it is among them.
    """
    kinds: list[type[Picture]] = [pictures.get(style.kind), pictures.get(Style().kind)]
    registry = _get_registry(layout)
    chosen = [cls for cls in kinds if cls in list(registry)]
    others = [cls for cls in registry if not cls.per_item]  # which is only drawn if asked for
    for cls in (*chosen, *others):
        picture = cls()
        if picture.supports(layout):
            return picture
    raise UsageError(f"no kind of picture draws a map of shape {layout.shape}")


def has_pictures(layout: MapLayout, style: Style, sample_count: int) -> bool:
    """Return whether maps of a layout that can be drawn get pictures in a file of many samples."""
    return find_limited_kind(layout, style, sample_count) is None


def find_limited_kind(layout: MapLayout, style: Style, sample_count: int) -> str | None:
    """Return the kind that a user must name to get pictures of so many samples; None if not so."""
    picture = choose_picture(style, layout)
    if picture.max_samples is None or sample_count <= picture.max_samples:
        return None
    if pictures.get(style.kind).subjects == picture.subjects:
        return None
    # A kind for searches is asked for by that for maps of the same inputs.
    same = [cls.name for cls in pictures if cls.subjects == picture.subjects]
    return same[0] if same else picture.name


def _get_registry(layout: MapLayout) -> Registry[Picture]:
    if layout.is_search:
        return search_pictures
    return class_pictures if layout.has_classes else pictures

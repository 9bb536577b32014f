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

import base64
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.data.pictures.sample_view import SampleView
from inputgrad_cli.data.pictures.target_region import Region
from inputgrad_cli.data.pictures.uncropped_original import Box
from inputgrad_cli.errors import UsageError
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.registry import Registry

# Samples of a file of which each gets a picture without being asked for, where each is drawn by
# itself: that takes 15 to 250 ms, and those of images, which are drawn together, a few.
MAX_SAMPLES = 100


@dataclass(frozen=True)
class MapLayout:
    """What is known of a map before it is computed: its shape for one sample, channels last.

    `is_search` is true for the change that a search has made to an input. `subject` is one of
    `SUBJECTS`: what the map is of. `is_complete` is true if its values add up to the difference of
    two scores, which was checked. With `has_classes` there is such a map for
    each class, with `has_parts` one for each input.
    """

    shape: tuple[int, ...]
    is_search: bool = False
    subject: str = "image"
    is_complete: bool = False
    has_classes: bool = False
    has_parts: bool = False


@dataclass(frozen=True)
class SearchView:
    """What a picture shows of a search besides the change: the input before and after it.

    Both are of the shape of the change, with a title each. `trace` is (S, 5): step, score, L2
    distance, largest distance, restart; `unit` is that of its distances in words, and `score` says
    what the score is.
    """

    before: Array
    after: Array
    titles: tuple[str, str]
    trace: Array
    unit: str = "input units"
    score: str = "score"


@dataclass(frozen=True)
class ClassView:
    """The maps of the classes of largest score, the largest first; `hidden` others are not shown.

    `captions` and `values` (K, H, W, C) have an entry for each class.
    """

    captions: tuple[Caption, ...]
    values: Array
    hidden: int


@dataclass(frozen=True)
class InputPart:
    """One input in the picture of all inputs: its name, and what its own picture is drawn from.

    `source` is None if the input has no map, and `note` then says why. `share` is that of its
    magnitude in the magnitude of all inputs, None if magnitudes of inputs cannot be compared.
    """

    name: str
    source: MapSource | None
    share: float | None = None
    note: str = ""


@dataclass(frozen=True)
class MapSource:
    """The data of one picture: a signed map of one sample, channels last, and its caption.

    `background` are the pixels (H, W, 1, 3 or 4) that the model saw, uint8, if it saw an image.
    For a search, the map is the change of an input, and `search` has the rest. `subject` is that of
    the layout, and `view` what kinds for other subjects than images show besides the map. `box` is
    where the map lies on a background that the model did not see as it is: left, top, right and
    bottom in pixels of the background, which may lie outside of it. `classes` are the maps of
    several classes for the target `all`; the map itself is that of the class of largest score.
    `region` is what the target is about, if it is a part of an image, in the size that the model
    saw. `parts` are the inputs of the model, for a picture that shows all of them; the map itself
    is then that of the first. `scale` is the one that the picture shares with others, None if it
    has its own or that of the style.
    """

    values: Array
    background: Array | None
    caption: Caption
    search: SearchView | None = None
    subject: str = "image"
    view: SampleView = field(default_factory=SampleView)
    box: Box | None = None
    classes: ClassView | None = None
    region: Region | None = None
    parts: tuple[InputPart, ...] = ()
    scale: Scale | None = None

    @property
    def layout(self) -> MapLayout:
        """Return the layout of the map."""
        return MapLayout(
            self.values.shape,
            self.search is not None,
            self.subject,
            self.view.is_complete,
            self.classes is not None,
            bool(self.parts),
        )

    def split_classes(self) -> list[MapSource]:
        """Return a source for each class, or the source itself if there are none."""
        if self.classes is None:
            return [self]
        pairs = zip(self.classes.captions, self.classes.values, strict=True)
        return [
            replace(self, values=values, caption=caption, classes=None) for caption, values in pairs
        ]

    def fix_scale(self, style: Style) -> Style:
        """Return the style with the scale that the picture shares with others, if there is one."""
        scale = self.scale
        return style if scale is None else replace(style, limit=scale.limit, signed=scale.signed)

    @property
    def batch_key(self) -> tuple[object, ...]:
        """Return what maps must have in common to be drawn together."""
        seen_shape = None if self.background is None else self.background.shape
        caption = self.caption
        # These decide what the colours mean, which is worked out once for all that are drawn
        # together.
        words = (caption.reduce, caption.sign, caption.copied, caption.quantity, caption.site)
        has_classes = self.classes is not None
        has_more = (has_classes, bool(self.parts))
        seen = (seen_shape, self.box)
        return (self.values.shape, *seen, self.subject, self.scale, *has_more, *words)


@dataclass(frozen=True, repr=False)
class Drawing:
    """A PNG file with its scale; `flat` is true if its map is zero everywhere.

    `extras` are the files beside it by their endings, such as `.html` for the page of a text.
    `html` is what a notebook shows instead of the PNG, if it is not empty.
    """

    png: bytes
    scale: Scale
    flat: bool
    extras: Mapping[str, bytes] = field(default_factory=dict)
    html: str = ""

    def __repr__(self) -> str:
        endings = "".join(f", {ending}" for ending in self.extras)
        limits = f"{self.scale.low:.3g} to {self.scale.limit:.3g}"
        return f"<Drawing {limits}: .png of {len(self.png):,} bytes{endings}>"

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        """Return what a notebook shows."""
        return self.build_bundle()

    def build_bundle(self) -> dict[str, str]:
        """Return the drawing by MIME type, the bytes of the PNG in base64."""
        bundle = {"text/plain": repr(self), "image/png": base64.b64encode(self.png).decode()}
        return {**bundle, "text/html": self.html} if self.html else bundle

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file of this ending: `.png`, or one of `extras`. UsageError, OSError."""
        files = {".png": self.png, **self.extras}
        ending = Path(path).suffix
        if ending not in files:
            raise UsageError(
                f"{path}: the picture has no file of this kind",
                hint=f"end its name in {' or '.join(files)}",
            )
        Path(path).write_bytes(files[ending])


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

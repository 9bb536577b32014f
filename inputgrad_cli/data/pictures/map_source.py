"""What a picture is drawn from: a map with all that is known of it, in plain values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.data.pictures.sample_view import SampleView
from inputgrad_cli.data.pictures.target_region import Region
from inputgrad_cli.data.pictures.uncropped_original import Box
from inputgrad_cli.numeric.array_helpers import Array


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

"""Draws the pictures of maps over their inputs, many at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from math import prod
from typing import IO

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.pictures.map_source import MapLayout, MapSource
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.errors import ItemError
from inputgrad_cli.numeric.array_helpers import format_shape
from inputgrad_cli.rendering import choose_picture, is_drawable, pictures
from inputgrad_cli.runs.pictures.drawable_sites import is_joined, list_drawable_sites
from inputgrad_cli.runs.pictures.map_picture_data import (
    build_picture_source,
    get_layout,
)
from inputgrad_cli.runs.pictures.styled_picture_data import build_styled_source
from inputgrad_cli.storage.atomic_write import Bytes, WriteFunction
from inputgrad_cli.storage.map_file_names import get_picture_ending

# Pixels of pictures that are drawn, and so written, together: 16 of 64 by 64. Twice as many take
# longer per picture, because they need new memory; fewer take longer to be handed on.
MAX_PIXELS_TOGETHER = 1 << 16

PictureFiles = Mapping[str, Bytes | WriteFunction]
"""The files of a picture by their endings: the PNG, and those that stand beside it."""


def draw_pictures(
    sources: Iterable[MapSource | None], style: Style
) -> Iterator[PictureFiles | None]:
    """Yield the files of each picture, None for None; those with one batch key at once."""
    group: list[MapSource] = []
    for source in sources:
        if group and (
            source is None
            or source.batch_key != group[0].batch_key
            or _count_pixels(group) >= MAX_PIXELS_TOGETHER
        ):
            yield from _draw_group(group, style)
            group = []
        if source is None:
            yield None
        else:
            group.append(source)
    if group:
        yield from _draw_group(group, style)


def _count_pixels(group: list[MapSource]) -> int:
    """Count the pixels of the pictures; a coarse map is enlarged to the size of its background."""
    image = group[0]
    sides = image.values.shape[:2] if image.background is None else image.background.shape[:2]
    return len(group) * prod(sides)


def _draw_group(sources: list[MapSource], style: Style) -> Iterator[PictureFiles]:
    picture, style = choose_picture(style, sources[0].layout), sources[0].fix_scale(style)
    ending = get_picture_ending(sources[0].layout.is_search)
    for drawing in picture.draw(sources, style):
        yield {ending: drawing.png, **drawing.extras}


def draw_later(
    recorded: RecordedMap, samples: Samples, row: int, site: str, style: Style
) -> PictureFiles:
    """Return, by ending, functions that draw a site of one sample into a file."""

    def write_file(ending: str, file: IO[bytes]) -> None:
        source = build_styled_source(recorded, samples, row, site, style=style)
        data = draw_picture(source, style)[ending]
        assert isinstance(data, bytes)
        file.write(data)

    layout = replace(get_layout(recorded, site), has_parts=is_joined(recorded, style))
    endings = list_picture_endings(layout, style)
    return {ending: partial(write_file, ending) for ending in endings}


def draw_picture(source: MapSource, style: Style) -> PictureFiles:
    """Draw one picture; return its files."""
    return next(_draw_group([source], style))


def list_picture_endings(layout: MapLayout, style: Style) -> list[str]:
    """Return the endings of the files of a picture."""
    extras = choose_picture(style, layout).extra_endings
    return [get_picture_ending(layout.is_search), *extras]


def refuse_unfit_kinds(recorded: RecordedMap) -> None:
    """Raise ItemError if a map cannot be shown as what its record says."""
    for site in set(recorded.record.shown).intersection(recorded.values):
        layout = get_layout(recorded, site)
        if not is_drawable(layout):
            kind = recorded.record.shown[site]
            raise ItemError(
                f"--show {site}={kind}: no picture of this kind fits a map of shape "
                f"{format_shape(layout.shape)}",
                kind="shape",
            )


def explain_refusal(recorded: RecordedMap, style: Style) -> str:
    """Return why another kind than that of the style is drawn, if its user must know it."""
    if style.kind == Style().kind:  # nobody has asked for it
        return ""
    kind = pictures.get(style.kind)()
    row = next(index for index, sample in enumerate(recorded.record.samples) if sample is not None)
    for site in list_drawable_sites(recorded, style):
        source = build_picture_source(recorded, Samples({}), row, site)
        if reason := kind.explain_refusal(source.layout):
            return reason
    return ""

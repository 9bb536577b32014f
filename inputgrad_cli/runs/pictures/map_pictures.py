"""Draws the pictures of maps over their inputs, many at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import prod
from typing import IO

import numpy as np

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.pictures.caption import build_caption
from inputgrad_cli.data.pictures.original_picture import Box, find_model_view
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.pictures.sample_view import build_view
from inputgrad_cli.data.pictures.subjects import ROW, SIGNAL, SOUND, VIDEO, VOLUME, find_subject
from inputgrad_cli.data.row_columns import RowColumns, find_row_columns, find_search_columns
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.search_arrays import list_moved_inputs
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.images.originals import read_original
from inputgrad_cli.interfaces.picture import MapLayout, MapSource
from inputgrad_cli.numeric.arrays import Array, format_shape
from inputgrad_cli.rendering import (
    choose_picture,
    find_limited_kind,
    has_pictures,
    is_drawable,
    pictures,
)
from inputgrad_cli.rendering.classes.class_views import build_class_view
from inputgrad_cli.rendering.colour_maps import as_pixels
from inputgrad_cli.rendering.rows.row_source import build_row_source
from inputgrad_cli.runs.pictures.search_pictures import build_search_source, get_search_layout
from inputgrad_cli.storage.atomic_write import Bytes, WriteFunction
from inputgrad_cli.storage.map_files import get_picture_ending

# Pixels of pictures that are drawn together. Twice as many take longer per picture, because they
# need new memory.
MAX_PIXELS_TOGETHER = 1 << 14
# By the subject of a layer's map, the numbers of axes that an input shown with it may have, the
# axis of the samples among them.
SHOWN_AXES = {SIGNAL: (2, 3), SOUND: (2, 3), VOLUME: (5,), VIDEO: (5,)}

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
    picture = choose_picture(style, sources[0].layout)
    ending = get_picture_ending(sources[0].layout.is_search)
    for drawing in picture.draw(sources, style):
        yield {ending: drawing.png, **drawing.extras}


def draw_later(
    recorded: RecordedMap, samples: Samples, row: int, site: str, style: Style
) -> PictureFiles:
    """Return, by ending, functions that draw a site of one sample into a file."""

    def write_file(ending: str, file: IO[bytes]) -> None:
        source = build_picture_source(recorded, samples, row, site)
        data = draw_picture(source, style)[ending]
        assert isinstance(data, bytes)
        file.write(data)

    endings = list_picture_endings(get_layout(recorded, site), style)
    return {ending: partial(write_file, ending) for ending in endings}


def draw_picture(source: MapSource, style: Style) -> PictureFiles:
    """Draw one picture; return its files."""
    return next(_draw_group([source], style))


def list_picture_endings(layout: MapLayout, style: Style) -> list[str]:
    """Return the endings of the files of a picture."""
    extras = choose_picture(style, layout).extra_endings
    return [get_picture_ending(layout.is_search), *extras]


def list_drawable_sites(recorded: RecordedMap, style: Style, count: int | None = None) -> list[str]:
    """Return the sites that have a picture: those whose maps a kind of picture supports.

    All columns of a row stand in one picture, that of the first site among them. `count` is the
    number of samples of the item, if those of the map are only a part.
    """
    total = count or len(recorded.record.samples)
    return [site for site, layout in _yield_layouts(recorded) if has_pictures(layout, style, total)]


def list_limited_kinds(recorded: RecordedMap, style: Style, count: int) -> list[str]:
    """Return the kinds that must be named to get pictures of so many samples, which have none."""
    kinds = [find_limited_kind(layout, style, count) for _, layout in _yield_layouts(recorded)]
    return [kind for kind in kinds if kind is not None]


def _yield_layouts(recorded: RecordedMap) -> Iterator[tuple[str, MapLayout]]:
    """Yield the sites whose maps can be drawn, of a row the first, with their layouts."""
    is_search = recorded.record.is_search
    sites = list_moved_inputs(recorded.values) if is_search else list(recorded.values)
    columns = _find_columns(recorded)
    joined = [] if columns is None else [part.site for part in columns.parts]
    first = next((site for site in sites if site in joined), None)
    for site in sites:
        if site not in joined or site == first:
            layout = _build_layout(recorded, site, columns)
            if is_drawable(layout):
                yield site, layout


def list_own_sites(recorded: RecordedMap, style: Style, count: int | None = None) -> list[str]:
    """Return the sites that have a picture of their own in this style."""
    shared = list_shared_sites(recorded, style)
    return [site for site in list_drawable_sites(recorded, style, count) if site not in shared]


def list_shared_sites(recorded: RecordedMap, style: Style) -> list[str]:
    """Return the sites that are shown in one picture of all maps of an item in this style."""
    return [
        site
        for site in list_drawable_sites(recorded, style)
        if choose_picture(style, get_layout(recorded, site)).per_item
    ]


def refuse_unfit_kinds(recorded: RecordedMap) -> None:
    """Raise ItemError if a map cannot be shown as what its record says."""
    columns = _find_columns(recorded)
    for site in set(recorded.record.shown).intersection(recorded.values):
        layout = _build_layout(recorded, site, columns)
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


def get_layout(recorded: RecordedMap, site: str) -> MapLayout:
    """Return the layout of the map of a site, which for a row has all of its columns."""
    return _build_layout(recorded, site, _find_columns(recorded))


def _find_columns(recorded: RecordedMap, header: Sequence[str] = ()) -> RowColumns | None:
    """Return the columns of a row, None if the map is of none; rows of all classes have none."""
    is_search = recorded.record.is_search
    return (find_search_columns if is_search else find_row_columns)(recorded, header)


def _build_layout(recorded: RecordedMap, site: str, columns: RowColumns | None) -> MapLayout:
    if columns is not None and columns.has_site(site):
        return MapLayout((len(columns.names),), recorded.record.is_search, ROW)
    has_classes = recorded.record.has_all_classes
    # Only the shape is wanted, so a single zero stands for all values.
    template = np.broadcast_to(np.float32(0), recorded.values[site].shape[1 + has_classes :])
    if recorded.record.is_search:
        return get_search_layout(recorded, site)
    shape = recorded.record.axes.to_channels_last(template, site).shape
    subject = find_subject(recorded.record, site, shape)
    return MapLayout(shape, subject=subject, has_classes=has_classes)


def build_picture_source(recorded: RecordedMap, samples: Samples, row: int, site: str) -> MapSource:
    """Build the source of the picture of a site of one sample."""
    if recorded.record.is_search:
        return build_search_source(recorded, samples, row, site)
    columns = _find_columns(recorded, samples.header)
    if columns is not None and columns.has_site(site):
        return build_row_source(recorded, samples, row, columns)
    background_input = _find_background_input(recorded, samples, site)
    background, box = (
        (None, None)
        if background_input is None
        else _get_background(samples, background_input, row)
    )
    caption = replace(
        build_caption(recorded.record, site, row, samples.item),
        over=None if background is None else background_input,
    )
    classes = None
    if recorded.record.has_all_classes:
        classes = build_class_view(recorded, site, row, caption)
        image, caption = classes.values[0], classes.captions[0]
    else:
        image = recorded.record.axes.to_channels_last(recorded.values[site][row], site)
    subject = find_subject(recorded.record, site, image.shape)
    shown = _find_shown_input(recorded, samples, site, subject)
    view = build_view(
        recorded.record,
        site,
        row,
        values=None if shown is None else _get_values(samples, shown, row),
        names=samples.header,
    )
    return MapSource(
        image, background, caption, subject=subject, view=view, box=box, classes=classes
    )


def _get_values(samples: Samples, name: str, row: int) -> Array:
    """Return an input of one sample with channels last."""
    return samples.axes.to_channels_last(samples.arrays[name][row], name)


def _find_shown_input(
    recorded: RecordedMap, samples: Samples, site: str, subject: str
) -> str | None:
    """Return the input whose values are shown with a site's map, if any.

    For a layer it is the only input of the same subject that the layer depends on.
    """
    if site in samples.arrays:
        return site
    visible_inputs = recorded.record.seen_inputs.get(site, samples.arrays)
    candidates = [
        name
        for name, array in samples.arrays.items()
        if name in visible_inputs
        and array.dtype.kind == "f"  # ids and texts have no course
        and array.ndim in SHOWN_AXES.get(subject, ())
        and name not in samples.axes.flat
    ]
    return candidates[0] if len(candidates) == 1 else None


def _find_background_input(recorded: RecordedMap, samples: Samples, site: str) -> str | None:
    """Return the input that is shown under a site's map, if any.

    For a layer it is the only picture input that the layer depends on. If there are several, none
    is shown, because the map belongs to no single one. Older results do not record what a layer
    depends on; then it may be any input.
    """
    if site in samples.arrays:
        return site
    visible_inputs = recorded.record.seen_inputs.get(site, samples.arrays)
    candidates = [
        name
        for name, array in samples.arrays.items()
        if name in visible_inputs and (name in samples.pixels or _is_picture(name, array, samples))
    ]
    return candidates[0] if len(candidates) == 1 else None


def _is_picture(name: str, array: Array, samples: Samples) -> bool:
    """Return whether an input, (N, ...), has pictures that can be shown."""
    if array.dtype.kind not in "buif" or array.ndim not in (3, 4):
        return False
    shape = samples.axes.to_channels_last(array[0], name).shape
    return len(shape) == 3 and shape[-1] in (1, 3, 4)


def _get_background(samples: Samples, site: str, row: int) -> tuple[Array | None, Box | None]:
    """Return the picture under a map, and where the map lies on it if that is the file's own.

    Otherwise it is what the model saw: the file's pixels, or the array scaled to 0..255.
    """
    if site in samples.originals:
        original = samples.originals[site][row]
        pixels = read_original(original)
        height, width = pixels.shape[:2]
        return pixels, find_model_view(original.options.resize.mode, (height, width), original.size)
    if site in samples.pixels:
        return np.asarray(samples.pixels[site][row]), None
    # The maps of tokens and texts have the shape of their embedding, and no background.
    if not _is_picture(site, samples.arrays[site], samples):
        return None, None
    return as_pixels(samples.axes.to_channels_last(samples.arrays[site][row], site)), None

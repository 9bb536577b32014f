"""Builds what the picture of a map is drawn from: its values, and what is seen with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.pictures.caption import build_caption
from inputgrad_cli.data.pictures.input_modality import (
    ROW,
    SIGNAL,
    SOUND,
    VIDEO,
    VOLUME,
    find_subject,
)
from inputgrad_cli.data.pictures.map_source import MapLayout, MapSource
from inputgrad_cli.data.pictures.sample_view import build_view
from inputgrad_cli.data.pictures.target_region import fit_region
from inputgrad_cli.data.pictures.uncropped_original import Box, find_model_view
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.tabular_attribution_columns import (
    RowColumns,
    find_map_columns,
    find_search_columns,
)
from inputgrad_cli.formats.images.original_image_decoding import read_original
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.option_choices import LAYER
from inputgrad_cli.rendering.class_comparison.row_picture_data import build_class_row_source
from inputgrad_cli.rendering.class_comparison.top_class_selection import build_class_view
from inputgrad_cli.rendering.colour_maps import as_pixels
from inputgrad_cli.rendering.tabular.row_picture_data import build_row_source
from inputgrad_cli.runs.pictures.optimization_picture_data import (
    build_search_source,
    get_search_layout,
)

# By the subject of a layer's map, the numbers of axes that an input shown with it may have, the
# axis of the samples among them.
SHOWN_AXES = {SIGNAL: (2, 3), SOUND: (2, 3), VOLUME: (5,), VIDEO: (5,)}


def get_layout(recorded: RecordedMap, site: str) -> MapLayout:
    """Return the layout of the map of a site, which for a row has all of its columns."""
    return recorded.compute_once(_build_layout, site)


def find_columns(recorded: RecordedMap, header: Sequence[str] = ()) -> RowColumns | None:
    """Return the columns of a row, None if the map is of none."""
    find = find_search_columns if recorded.record.is_search else find_map_columns
    return find(recorded, header) if header else recorded.compute_once(find)


def _build_layout(recorded: RecordedMap, site: str) -> MapLayout:
    columns = find_columns(recorded)
    if columns is not None and columns.has_site(site):
        size, is_search = len(columns.names), recorded.record.is_search
        has_classes = recorded.record.has_all_classes
        return MapLayout((size,), is_search, ROW, has_classes=has_classes)
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
    source = _build_source(recorded, samples, row, site)
    scale = recorded.scales.get((row, site))
    return source if scale is None else replace(source, scale=scale)


def _build_source(recorded: RecordedMap, samples: Samples, row: int, site: str) -> MapSource:
    if recorded.record.is_search:
        return build_search_source(recorded, samples, row, site)
    columns = find_columns(recorded, samples.header)
    if columns is not None and columns.has_site(site):
        build = build_class_row_source if recorded.record.has_all_classes else build_row_source
        return build(recorded, samples, row, columns)
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
        image,
        background,
        caption,
        subject=subject,
        view=view,
        box=box,
        classes=classes,
        region=fit_region(recorded.record.region, _find_size(image, samples, site, caption.over)),
    )


def _find_size(
    image: Array, samples: Samples, site: str, background_input: str | None
) -> tuple[int, int] | None:
    """Return the height and width of the image of a map as the model saw it, if there is one."""
    if image.ndim != 3:
        return None
    if not site.startswith(LAYER):
        return image.shape[0], image.shape[1]
    if background_input is None:
        return None
    axes, seen = samples.axes, samples.arrays[background_input][0]
    height, width = axes.to_channels_last(seen, background_input).shape[:2]
    return height, width


def _get_values(samples: Samples, name: str, row: int) -> Array:
    """Return an input of one sample with channels last."""
    return samples.axes.to_channels_last(samples.arrays[name][row], name)


def _find_shown_input(
    recorded: RecordedMap, samples: Samples, site: str, subject: str
) -> str | None:
    """Return the input whose values are shown with a site's map, if any.

    For a layer it is the only input of the same subject that the layer depends on.
    """

    def has_course(name: str, array: Array) -> bool:
        return (
            array.dtype.kind == "f"  # ids and texts have no course
            and array.ndim in SHOWN_AXES.get(subject, ())
            and name not in samples.axes.flat
        )

    return _find_only_input(recorded, samples, site, has_course)


def _find_background_input(recorded: RecordedMap, samples: Samples, site: str) -> str | None:
    """Return the input that is shown under a site's map, if any.

    For a layer it is the only picture input that the layer depends on. If there are several, none
    is shown, because the map belongs to no single one.
    """

    def is_image(name: str, array: Array) -> bool:
        return name in samples.pixels or _is_picture(name, array, samples)

    return _find_only_input(recorded, samples, site, is_image)


def _find_only_input(
    recorded: RecordedMap, samples: Samples, site: str, fits: Callable[[str, Array], bool]
) -> str | None:
    """Return the input of a site itself; for a layer the only fitting one that it depends on.

    Older results do not record what a layer depends on; then it may be any input.
    """
    if site in samples.arrays:
        return site
    visible_inputs = recorded.record.seen_inputs.get(site, samples.arrays)
    candidates = [
        name
        for name, array in samples.arrays.items()
        if name in visible_inputs and fits(name, array)
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

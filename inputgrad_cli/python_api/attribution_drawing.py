"""Draws attributions for callers of the Python interface, who have no run on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inputgrad_cli.data.attribution_results import Attribution
from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.pictures.caption import build_caption
from inputgrad_cli.data.pictures.drawing import Drawing
from inputgrad_cli.data.pictures.input_modality import find_subject
from inputgrad_cli.data.pictures.map_source import MapSource
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.pictures.sample_view import build_view
from inputgrad_cli.data.pictures.target_region import fit_region
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.tabular_attribution_columns import find_map_columns
from inputgrad_cli.numeric.array_helpers import Array, Arrays
from inputgrad_cli.rendering import choose_picture, is_drawable
from inputgrad_cli.rendering.class_comparison.row_picture_data import build_class_row_source
from inputgrad_cli.rendering.class_comparison.top_class_selection import build_class_view
from inputgrad_cli.rendering.tabular.row_picture_data import build_row_source

MAX_DRAWINGS = 16  # on one sheet of a notebook


def draw_site(
    recorded: RecordedMap, site: str, sample: int, seen: Array | None, style: Style
) -> Drawing:
    """Return the picture of one sample at a site, over the pixels `seen` if there are any."""
    source = _build_source(recorded, site, sample, seen)
    return choose_picture(style, source.layout).draw([source], style)[0]


def _build_source(
    recorded: RecordedMap, site: str, sample: int, seen: Array | None = None
) -> MapSource:
    record, classes = recorded.record, None
    columns = find_map_columns(recorded)
    if columns is not None and columns.has_site(site):
        build = build_class_row_source if record.has_all_classes else build_row_source
        return build(recorded, Samples({}), record.get_row(sample), columns)
    caption = build_caption(record, site, sample)
    if record.has_all_classes:
        classes = build_class_view(recorded, site, sample, caption)
        values, caption = classes.values[0], classes.captions[0]
    else:
        values = record.axes.to_channels_last(recorded.get_values(site, sample), site)
    image = values if seen is None else seen
    has_size = image.ndim == 3 and not (seen is None and caption.is_layer)
    size = (image.shape[0], image.shape[1]) if has_size else None
    return MapSource(
        values,
        seen,
        caption,
        subject=find_subject(record, site, values.shape),
        view=build_view(record, site, sample, values=None, names=()),
        classes=classes,
        region=fit_region(record.region, size),
    )


@dataclass(frozen=True)
class NamedDrawing:
    """A drawing with the name of its site and sample, as far as there are several."""

    name: str
    drawing: Drawing


def list_drawings(attribution: Attribution, pixels: Arrays) -> Sequence[NamedDrawing]:
    """Return the drawings of the first samples at all sites that have a picture.

    `pixels` are the pictures that the model saw, (N, H, W, C) uint8, by input.
    """
    recorded = RecordedMap.from_attribution(attribution)
    record = recorded.record
    if record.is_search:
        return []
    sites = _list_sites(recorded)
    rows = [row for row, sample in enumerate(record.samples) if sample is not None]
    drawings = []
    # At least one sample is drawn, however many sites it has; the last line keeps to the limit.
    for row in rows[: max(1, MAX_DRAWINGS // max(len(sites), 1))]:
        for site in sites:
            words = filter(None, (site if len(sites) > 1 else "", record.name_sample(row)))
            seen = pixels[site][row] if site in pixels else None
            drawing = draw_site(recorded, site, row, seen, Style())
            drawings.append(NamedDrawing(", ".join(words), drawing))
    return drawings[:MAX_DRAWINGS]


def _list_sites(recorded: RecordedMap) -> list[str]:
    """Return the sites that have a picture; all columns of a row stand in that of the first."""
    columns = find_map_columns(recorded)
    sites: list[str] = []
    has_row = False
    for site in recorded.values:
        is_column = columns is not None and columns.has_site(site)
        if not (is_column and has_row) and is_drawable(_build_source(recorded, site, 0).layout):
            sites.append(site)
        has_row |= is_column
    return sites

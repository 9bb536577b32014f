"""Builds what the picture of all classes of one row of a table is drawn from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.pictures.caption import build_caption
from inputgrad_cli.data.pictures.input_modality import ROW
from inputgrad_cli.data.pictures.map_source import ClassView, MapSource
from inputgrad_cli.data.pictures.sample_view import build_view
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.tabular_attribution_columns import RowColumns
from inputgrad_cli.rendering.class_comparison.top_class_selection import build_class_captions


def build_class_row_source(
    recorded: RecordedMap, samples: Samples, row: int, columns: RowColumns
) -> MapSource:
    """Build the source of the picture of one row, with the values (K, F) of its classes."""
    record = recorded.record
    sites = {part.site for part in columns.parts}
    values = columns.join_values({site: recorded.get_values(site, row) for site in sites})
    site = columns.parts[0].site
    caption = build_caption(record, site, row, samples.item)
    captions = build_class_captions(record, row, len(values), caption)
    chosen = np.stack([values[each.class_index] for each in captions])
    cells = columns.list_cells(samples.arrays, row)
    view = build_view(record, site, row, values=cells, names=columns.names)
    return MapSource(
        chosen[0],
        None,
        captions[0],
        subject=ROW,
        view=replace(view, unsigned=columns.unsigned),
        classes=ClassView(captions, chosen, len(values) - len(captions)),
    )

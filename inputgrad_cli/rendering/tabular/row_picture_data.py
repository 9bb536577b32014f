"""Builds what the picture of one row of a table is drawn from: all of its columns."""

from __future__ import annotations

from dataclasses import replace

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.pictures.caption import build_caption
from inputgrad_cli.data.pictures.input_modality import ROW
from inputgrad_cli.data.pictures.map_source import MapSource
from inputgrad_cli.data.pictures.sample_view import build_view
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.tabular_attribution_columns import RowColumns
from inputgrad_cli.numeric.array_helpers import take_rows


def build_row_source(
    recorded: RecordedMap, samples: Samples, row: int, columns: RowColumns
) -> MapSource:
    """Build the source of the picture of one row; without samples it lacks the columns' values."""
    record = recorded.record
    (values,) = columns.join_values(take_rows(recorded.values, slice(row, row + 1)))
    site = columns.parts[0].site
    cells = columns.list_cells(samples.arrays, row)
    view = build_view(record, site, row, values=cells, names=columns.names)
    view = replace(
        view,
        unsigned=columns.unsigned,
        is_whole=len(columns.parts) == len(recorded.values),
    )
    caption = build_caption(record, site, row, samples.item)
    return MapSource(values, None, caption, subject=ROW, view=view)

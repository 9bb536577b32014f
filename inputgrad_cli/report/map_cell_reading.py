"""Reads the cells of one map: what it shows, its answer, and what must be said about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.optimization_arrays import CHANGE, list_moved_inputs
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.errors import InputgradError
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.report.cell_content_choice import SiteBodies
from inputgrad_cli.report.map_table_reading import read_table_texts
from inputgrad_cli.report.map_values_and_pictures import MapSites
from inputgrad_cli.report.page_contents import Cell, Column, Status
from inputgrad_cli.report.path_and_number_formatting import Cleaner
from inputgrad_cli.report.prediction_and_check_text import describe_answer, describe_checks
from inputgrad_cli.runs.item_event_fields import list_unmet_checks
from inputgrad_cli.schema.file_names_in_json import decode_name
from inputgrad_cli.storage.run_directory import StoredMap

SAMPLE_FAILED = "this sample could not be used; the messages of the run say why"


@dataclass(frozen=True)
class PlacedCell:
    """A cell, the item and sample that it belongs to, and its column."""

    name: str
    sample: int | None
    column: Column
    cell: Cell


@dataclass(frozen=True)
class MapReader:
    """Reads maps for a report; `height` is that of thumbnails, None for none."""

    cleaner: Cleaner
    height: int | None
    top: int

    def read_cells(self, stored: StoredMap) -> list[PlacedCell]:
        """Return the cells of a map, one for each sample and site; they say what went wrong."""
        line = stored.line
        column = Column(line["method"], line["target"])
        name = decode_name(line, "input")
        if not line.get("files"):
            return [PlacedCell(name, None, column, self._build_failed(line.get("error", {})))]
        try:
            return list(self._yield_cells(stored, name, column))
        except InputgradError as error:
            cell = self._build_failed({"kind": error.kind, "message": error.format_line()})
            return [PlacedCell(name, None, column, replace(cell, is_unread=True))]

    def _build_failed(self, error: Mapping[str, Any]) -> Cell:
        message = self.cleaner.clean(str(error.get("message", "no reason is recorded")))
        kind = self.cleaner.clean(str(error.get("kind", "")))
        return Cell(Status.FAILED, notes=(message,), kind=kind)

    def _yield_cells(self, stored: StoredMap, name: str, column: Column) -> Iterator[PlacedCell]:
        line, texts = stored.line, read_table_texts(stored)
        count = line["samples"]
        parts = stored.files.list_arrays(count) if line.get("apart") and count is not None else []
        choices = (stored.style or Style()).show
        for file_name, stored_map in stored.yield_arrays():
            recorded = stored_map.show_as(choices)
            sites = MapSites(stored, recorded, texts)
            for row in range(len(recorded.record.samples)):
                index = parts.index(file_name) if file_name in parts else row
                sample = None if count is None else index
                if recorded.record.samples[row] is None:
                    failed = self._build_failed({"kind": "sample", "message": SAMPLE_FAILED})
                    yield PlacedCell(name, sample, column, failed)
                    continue
                for site, cell in self._build_cells(sites, row, index):
                    yield PlacedCell(name, sample, replace(column, site=site), cell)

    def _build_cells(self, sites: MapSites, row: int, index: int) -> list[tuple[str, Cell]]:
        """Return the cells of one sample; `index` is its index in the item, `row` in its file."""
        recorded = sites.recorded
        record = recorded.record.get_sample(row)
        answer = describe_answer(record)
        bodies = SiteBodies(sites, row, index, height=self.height, top=self.top)
        shared = Cell(
            status=Status.UNMET if list_unmet_checks(record.checks) else Status.OK,
            answer=self.cleaner.clean(answer.text),
            label=self.cleaner.clean(answer.label),
            score=answer.score,
            probability=answer.probability,
            gap=answer.gap,
            norm=_compute_norm(recorded, row),
        )
        cells = []
        for site, shown in bodies.list_bodies():
            notes = tuple(map(self.cleaner.clean, (*shown.notes, *describe_checks(record))))
            cell = replace(shared, body=shown.body, notes=notes, file=shown.file, scale=shown.scale)
            cells.append((site, cell))
        # Without a name there is one column for all, as in runs with a single input.
        return [("", cells[0][1])] if len(cells) == 1 else cells


def _compute_norm(recorded: RecordedMap, row: int) -> float:
    """Return the sum of absolute values over all sites of a sample, of those that are finite."""
    parts = (np.abs(np.asarray(part, np.float64)) for part in _yield_parts(recorded, row))
    return float(sum(part[np.isfinite(part)].sum() for part in parts))


def _yield_parts(recorded: RecordedMap, row: int) -> Iterator[Array]:
    """Yield the values of each site of a sample; of a search, the change of each input.

    A value that stands for all channels is there once.
    """
    record, values = recorded.record, recorded.values
    if record.is_search:
        yield from (values[site + CHANGE][row] for site in list_moved_inputs(values))
        return
    for site, array in values.items():
        part = record.axes.to_channels_last(np.asarray(array[row]), site)
        yield part[..., :1] if site in record.copied and part.ndim else part

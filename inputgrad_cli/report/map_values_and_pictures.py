"""Describes the sites of a stored map: what each is of, its values, and its pictures in the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.optimization_arrays import CHANGE, list_moved_inputs
from inputgrad_cli.data.pictures.input_modality import find_subject
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.tabular_attribution_columns import (
    RowColumns,
    find_row_columns,
    find_search_columns,
)
from inputgrad_cli.numeric.array_helpers import Array, Floats
from inputgrad_cli.report.map_table_reading import TableTexts
from inputgrad_cli.runs.pictures.drawable_sites import is_joined, list_drawable_sites
from inputgrad_cli.schema.file_names_in_json import decode_name
from inputgrad_cli.storage.map_file_names import get_picture_ending, is_picture
from inputgrad_cli.storage.run_directory import StoredMap


@dataclass(frozen=True)
class MapSites:
    """A stored map, the arrays of one of its files, and the texts of its table."""

    stored: StoredMap
    recorded: RecordedMap
    texts: TableTexts

    @property
    def names(self) -> Sequence[str]:
        """Return the sites of the map; of a search, those that it has moved."""
        values = self.recorded.values
        return list_moved_inputs(values) if self.recorded.record.is_search else list(values)

    @cached_property
    def subjects(self) -> Mapping[str, str]:
        """Return what the maps are of, by site."""
        record = self.recorded.record
        return {
            name: find_subject(record, name, self.get_values(name, 0).shape) for name in self.names
        }

    @cached_property
    def columns(self) -> RowColumns | None:
        """Return the columns of the map of a row, as its picture has them; None if it is none."""
        is_search = self.recorded.record.is_search
        return find_search_columns(self.recorded) if is_search else find_row_columns(self.recorded)

    @cached_property
    def drawable(self) -> Sequence[str]:
        """Return the sites that have pictures."""
        style, count = self.stored.style or Style(), self.stored.line["samples"]
        return list_drawable_sites(self.recorded, style, count)

    @cached_property
    def pictures(self) -> Sequence[Sequence[str]]:
        """Return the names of all pictures that the run may have, by sample and site."""
        count = self.stored.line["samples"]
        ending = get_picture_ending(self.recorded.record.is_search)
        return self.stored.files.list_pictures(count, self.drawable, ending)

    @cached_property
    def joined_pictures(self) -> Sequence[str]:
        """Return the pictures of all inputs in the run by sample; none if each input has its own.

        The name of one that the run has not made is empty.
        """
        if not is_joined(self.recorded, self.stored.style or Style()):
            return ()
        names = self.stored.files.list_pictures(self.stored.line["samples"], [""])
        return [name if name in self.sizes else "" for (name,) in names]

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """Return the sizes of the pictures that the run has, by name."""
        files = {decode_name(file, "path"): file["size"] for file in self.stored.line["files"]}
        return {name: size for name, size in files.items() if is_picture(name)}

    def get_values(self, site: str, row: int) -> Array:
        """Return the map of one sample, channels last; of a search, the change."""
        (values,) = self._take_sample(site, row)
        return self.recorded.record.axes.to_channels_last(values, site)

    def join_columns(self, columns: RowColumns, row: int) -> Floats:
        """Return the values of the columns of one sample, (F,)."""
        samples = {part.site: self._take_sample(part.site, row) for part in columns.parts}
        (values,) = columns.join_values(samples)
        return np.asarray(values)

    def _take_sample(self, site: str, row: int) -> Array:
        name = site + CHANGE if self.recorded.record.is_search else site
        return np.asarray(self.recorded.values[name][row : row + 1])

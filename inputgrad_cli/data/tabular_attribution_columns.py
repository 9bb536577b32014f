"""Finds the columns of a map of a table or a vector, and joins the values of all its inputs.

A table feeds one vector, or several inputs of one value each; either way a sample is one row. A
word or a category is explained at its embedding or its one-hot code, whose values belong to one
column together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from inputgrad_cli.data.map_record import MapRecord, RecordedMap
from inputgrad_cli.data.optimization_arrays import list_moved_inputs
from inputgrad_cli.data.pictures.input_modality import ROW, find_subject, to_subject
from inputgrad_cli.numeric.array_helpers import Array, Arrays, Floats
from inputgrad_cli.option_choices import LAYER


@dataclass(frozen=True)
class SiteColumns:
    """The columns of one site; a column has several values where it is explained at a code."""

    site: str
    names: tuple[str, ...]
    is_code: bool = False


@dataclass(frozen=True)
class RowColumns:
    """The columns of a map in the order of its table, site by site.

    The values of a code are summed if the method's values add up (`reduce` is `sum`); otherwise
    their L2 norm is taken, which has no sign. Sites in `copied` hold one value many times.
    """

    parts: tuple[SiteColumns, ...]
    reduce: str = "sum"
    copied: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all columns, (F,)."""
        return tuple(name for part in self.parts for name in part.names)

    def has_site(self, site: str) -> bool:
        """Return whether the columns of a site are among these."""
        return any(part.site == site for part in self.parts)

    @property
    def unsigned(self) -> tuple[bool, ...]:
        """Return for each column, (F,), whether its values are sizes without a sign."""
        return tuple(
            part.is_code and self.reduce != "sum" and part.site not in self.copied
            for part in self.parts
            for _ in part.names
        )

    def join_values(self, values: Arrays) -> Floats:
        """Return the attributions of some samples, (N, F) float64, from the values by site."""
        return np.concatenate([self._reduce(part, values[part.site]) for part in self.parts], 1)

    def _reduce(self, part: SiteColumns, array: Array) -> Floats:
        cells = np.asarray(array, np.float64).reshape(len(array), len(part.names), -1)
        if cells.shape[-1] == 1 or part.site in self.copied:
            return cells[..., 0]
        if self.reduce == "sum":
            return np.asarray(cells.sum(axis=-1))
        return np.asarray(np.sqrt(np.square(cells).sum(axis=-1)))

    def join_inputs(self, inputs: Arrays) -> list[Array | None]:
        """Return the values of each column, (N,), from the inputs; None where it is no input."""
        columns: list[Array | None] = []
        for part in self.parts:
            array = inputs.get(part.site)
            flat = None if array is None else array.reshape(len(array), -1)
            if flat is None or flat.shape[1] != len(part.names):
                columns += [None] * len(part.names)
            else:
                columns += list(flat.T)
        return columns

    def list_cells(self, inputs: Arrays, row: int) -> Array | None:
        """Return the values of one sample, (F,) objects, None without any input."""
        sample = {
            part.site: inputs[part.site][row : row + 1]
            for part in self.parts
            if part.site in inputs
        }
        columns = self.join_inputs(sample)
        if all(column is None for column in columns):
            return None
        cells: Array = np.empty(len(columns), object)
        cells[:] = [None if column is None else _to_scalar(column[0]) for column in columns]
        return cells


def _to_scalar(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) and value.dtype.kind != "f" else value


def find_row_columns(recorded: RecordedMap, header: Sequence[str] = ()) -> RowColumns | None:
    """Return the columns of a map of rows, None if no site of it is one.

    `header` holds the names of the table's columns, by default those of the record. The maps of
    all classes are no rows, and the change that a search has made is found by another function.
    """
    if recorded.record.has_all_classes:
        return None
    return find_map_columns(recorded, header) if header else recorded.compute_once(find_map_columns)


def find_map_columns(recorded: RecordedMap, header: Sequence[str] = ()) -> RowColumns | None:
    """Return the columns of a map of rows, of one class or of all; None if it is no such map.

    In a map of all classes, the values of one sample have the class axis where others have that of
    the samples.
    """
    record = recorded.record
    if record.is_search:
        return None
    names = tuple(header or record.header)
    first = 1 + record.has_all_classes  # axis of a sample's own values
    shapes = {
        site: array.shape[first:]
        for site, array in recorded.values.items()
        if _is_row_site(record, site, array.shape[first:], names)
    }
    return name_columns(record, shapes, names) if shapes else None


def find_search_columns(recorded: RecordedMap, header: Sequence[str] = ()) -> RowColumns | None:
    """Return the columns of the rows that a search has moved, None if no input of it is one."""
    record, values = recorded.record, recorded.values
    shapes = {name: values[name].shape[1:] for name in list_moved_inputs(values)}
    rows = {
        name: shape
        for name, shape in shapes.items()
        if prod(shape) and find_subject(record, name, shape) == ROW
    }
    return name_columns(record, rows, header or record.header) if rows else None


def name_columns(
    record: MapRecord, shapes: Mapping[str, tuple[int, ...]], header: Sequence[str]
) -> RowColumns:
    """Return the columns of sites of these shapes for one row, in the order of the table."""
    # A layer, or an input's second embedding, is not a column of the file, so it comes last.
    ordered = [name for name in header if name in shapes]
    ordered += [site for site in shapes if site not in ordered]
    parts = tuple(
        _name_site(record, site, shapes[site], header, alone=len(ordered) == 1) for site in ordered
    )
    return RowColumns(parts, record.reduce, frozenset(record.copied))


def _is_row_site(
    record: MapRecord, site: str, shape: tuple[int, ...], header: Sequence[str]
) -> bool:
    if record.lines_are_steps and header:  # a table that is one sample is a series
        return False
    if not prod(shape):
        return False
    header = record.headers.get(site, header)
    if site in record.shown:
        return to_subject(record.shown[site]) == ROW and len(shape) <= 1
    has_one_value = len(shape) < 2 or shape[0] == 1  # a text has several tokens
    is_column = site in header and has_one_value
    is_vector = site in record.axes.looked_up and shape[:1] == (len(header),)
    return is_column or is_vector or find_subject(record, site, shape) == ROW


def _name_site(
    record: MapRecord, site: str, shape: tuple[int, ...], header: Sequence[str], *, alone: bool
) -> SiteColumns:
    width = prod(shape)
    if site in record.headers:
        header, alone = record.headers[site], True
    is_vector = alone and not site.startswith(LAYER) and len(header) in (width, *shape[:1])
    if site in header and not is_vector:
        return SiteColumns(site, (site,), is_code=width > 1)
    if header and is_vector:
        return SiteColumns(site, tuple(header), is_code=width > len(header))
    if site in record.axes.looked_up and (len(shape) < 2 or shape[0] == 1):
        return SiteColumns(site, (site,), is_code=width > 1)
    if alone and len(header) == 1 and site in record.axes.looked_up:
        return SiteColumns(site, tuple(header), is_code=True)  # a column of texts, of many tokens
    if width == 1:
        return SiteColumns(site, (site,))
    return SiteColumns(site, tuple(f"{site}[{index}]" for index in range(width)))

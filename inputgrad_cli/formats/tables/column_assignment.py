"""Assigns the columns of a table to the inputs of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

from inputgrad_cli.data.signature import InputSpec, Shape
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.tables.column_errors import (
    build_count_error,
    build_missing_error,
    build_unfit_error,
)
from inputgrad_cli.formats.tables.column_names import Heading, find_similar_name

UNUSED_NOTE = "columns-unused"  # code of the note on columns that feed no input
SCALAR_SHAPES = ((), (1,))  # of samples that hold one value


@dataclass(frozen=True)
class ColumnAssignment:
    """The indices of the columns by model input, and the names of all columns.

    `header` holds the names of the columns that are used, and `unused` are the indices of the
    others. With `series`, all rows together are one sample.
    """

    specs: tuple[InputSpec, ...]
    by_input: Mapping[str, Sequence[int]]
    names: tuple[str, ...]
    header: tuple[str, ...]
    notes: Mapping[str, str] = field(default_factory=dict)
    series: bool = False
    unused: tuple[int, ...] = ()


def is_table_input(specs: Sequence[InputSpec]) -> bool:
    """Return whether a table can feed the inputs.

    It can feed one input of a vector or a series, or several inputs of one value each.
    """
    if len(specs) == 1:
        return specs[0].shape is None or len(specs[0].shape) <= 2
    return all(spec.shape in SCALAR_SHAPES for spec in specs)


def assign_columns(heading: Heading, specs: Sequence[InputSpec]) -> ColumnAssignment:
    """Return the columns of each input: all for a vector, else one for each, by name or order.

    Raises ItemError (kind `shape`).
    """
    if len(specs) == 1:
        (spec,) = specs
        if (
            spec.shape in SCALAR_SHAPES
            and not heading.columns
            and heading.names.count(spec.name) == 1
        ):
            return _assign_by_name(heading, specs)
        return _assign_vector(heading, spec)
    names = [spec.name for spec in specs]
    if not is_table_input(specs):
        raise build_unfit_error(specs, heading.where)
    if heading.width == len(specs) and _can_use_order(heading.names, names):
        return _assign_by_order(heading, specs)
    if not heading.names:
        raise ItemError(
            f"{heading.where}: {heading.width} columns without names do not fit the "
            f"{len(specs)} inputs {', '.join(names)}",
            hint="name the columns as the inputs, each once",
            kind="shape",
        )
    return _assign_by_name(heading, specs)


def _assign_vector(heading: Heading, spec: InputSpec) -> ColumnAssignment:
    """Return the columns of one vector, in its order, or of one series."""
    indices = list(range(heading.width))
    if heading.columns:
        candidates = [[heading.find_column(name) for name in heading.columns]]
    else:
        # A column without numbers (an id, a date) cannot feed a model that takes numbers, and a
        # column of numbers only (an id, a label) is not a text.
        fitting = heading.textual if spec.kind == "text" else heading.numeric
        values = [index for index in indices if fitting[index]]
        candidates = [indices, values] if values else [indices]
        if spec.shape is None or spec.shape == (None,):
            candidates.reverse()
    for is_width in (_is_row_width, _is_series_width):
        for selected in candidates:
            if is_width(len(selected), spec.shape):
                return _build_assignment(heading, spec, selected, is_width is _is_series_width)
    if spec.shape is not None and len(spec.shape) > 1 and None in spec.shape:
        raise build_unfit_error([spec], heading.where)
    raise build_count_error(heading, spec, len(candidates[0]))


def _is_row_width(width: int, shape: Shape | None) -> bool:
    """Return whether a row of `width` values is a sample."""
    if shape is None or shape == (None,):
        return True
    return None not in shape and prod(d or 0 for d in shape) == width


def _is_series_width(width: int, shape: Shape | None) -> bool:
    """Return whether `width` columns are a sample in which each row is a step."""
    if shape is None or len(shape) not in (1, 2) or shape[0] == 1:
        return False
    return width == (1 if len(shape) == 1 else shape[1])


def _build_assignment(
    heading: Heading, spec: InputSpec, indices: Sequence[int], series: bool
) -> ColumnAssignment:
    header = tuple(heading.names[index] for index in indices) if heading.names else ()
    unused = [index for index in range(heading.width) if index not in indices]
    notes = {} if heading.columns else _note_unused(heading, unused)
    return ColumnAssignment(
        (spec,), {spec.name: indices}, heading.names, header, notes, series, tuple(unused)
    )


def _note_unused(heading: Heading, indices: Sequence[int]) -> dict[str, str]:
    names = [heading.get_name(index) or "(without a name)" for index in indices]
    return {UNUSED_NOTE: f"columns that feed no input: {', '.join(names)}"} if names else {}


def _assign_by_name(heading: Heading, specs: Sequence[InputSpec]) -> ColumnAssignment:
    header = heading.names
    for spec in specs:
        if header.count(spec.name) != 1:
            raise build_missing_error(heading, spec, specs)
    by_input = {spec.name: [header.index(spec.name)] for spec in specs}
    used = tuple(name for name in header if name in by_input)
    unused = [index for index, name in enumerate(header) if name not in by_input]
    notes = _note_unused(heading, unused)
    return ColumnAssignment(tuple(specs), by_input, header, used, notes, unused=tuple(unused))


def _can_use_order(header: Sequence[str], names: Sequence[str]) -> bool:
    """Return whether columns can be used in order, because no name suggests another order."""
    if set(header) & set(names):
        return False
    similar = [find_similar_name(name, header) for name in names] if header else []
    return all(other in (None, header[index]) for index, other in enumerate(similar))


def _assign_by_order(heading: Heading, specs: Sequence[InputSpec]) -> ColumnAssignment:
    by_input = {spec.name: [column] for column, spec in enumerate(specs)}
    notes = {}
    if heading.names:
        pairs = ", ".join(f"{c} to {p.name}" for c, p in zip(heading.names, specs, strict=True))
        notes["columns-by-order"] = f"no column has an input's name; by order: {pairs}"
    names = tuple(spec.name for spec in specs)
    return ColumnAssignment(tuple(specs), by_input, heading.names, names, notes)


def to_step_columns(columns: ColumnAssignment) -> ColumnAssignment:
    """Return the columns of a series as the columns of its steps, each a row of values."""
    (spec,) = columns.specs
    step = replace(spec, shape=(len(columns.by_input[spec.name]),))
    return replace(columns, specs=(step,))

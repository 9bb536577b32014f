"""Assigns the columns of a table to the inputs of a model."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

from inputgrad_cli.data.signature import InputSpec, Shape
from inputgrad_cli.errors import ItemError
from inputgrad_cli.numeric.arrays import format_shape

UNUSED_NOTE = "columns-unused"  # code of the note on columns that feed no input
SCALAR_SHAPES = ((), (1,))  # of samples that hold one value
# As pandas names an index without a name when it becomes a column.
INDEX_NAME = re.compile(r"Unnamed: 0(\.\d+)?|index|level_0")
MAX_LISTED = 12  # columns that a message lists; further ones are counted


@dataclass(frozen=True)
class Heading:
    """The names of the columns of a table, if it has any, and which columns hold numbers.

    `where` is the file. `columns` are the columns requested by name. Columns that hold something
    else than numbers are `textual`.
    """

    where: str
    names: tuple[str, ...]
    numeric: tuple[bool, ...]
    columns: tuple[str, ...] = ()
    textual: tuple[bool, ...] = ()

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return len(self.numeric)

    def get_name(self, index: int) -> str:
        """Return the name of a column, or its number from 1 if the table has no header."""
        return self.names[index] if self.names else str(index + 1)

    def format_names(self) -> str:
        """Return the names of the columns for a message."""
        names = [self.get_name(index) or "(without a name)" for index in range(self.width)]
        if len(names) <= MAX_LISTED:
            return ", ".join(names)
        return f"{', '.join(names[:MAX_LISTED])} and {len(names) - MAX_LISTED} more"

    def find_column(self, name: str) -> int:
        """Return the index of the column `name`. Raises ItemError unless there is exactly one."""
        names = [self.get_name(index) for index in range(self.width)]
        if names.count(name) == 1:
            return names.index(name)
        if name in names:
            raise ItemError(f"{self.where}: several columns are called {name!r}", kind="shape")
        similar = find_similar_name(name, names)
        raise ItemError(
            f"{self.where}: no column is called {name!r}",
            reason=f"the columns are {self.format_names()}",
            hint=f"did you mean {similar!r}?" if similar else "",
            kind="shape",
        )


@dataclass(frozen=True)
class ColumnAssignment:
    """The indices of the columns by model input, and the names of all columns.

    `header` holds the names of the columns that are used. With `series`, all rows together are one
    sample.
    """

    specs: tuple[InputSpec, ...]
    by_input: Mapping[str, Sequence[int]]
    names: tuple[str, ...]
    header: tuple[str, ...]
    notes: Mapping[str, str] = field(default_factory=dict)
    series: bool = False


def is_table_input(specs: Sequence[InputSpec]) -> bool:
    """Return whether a table can feed the inputs.

    It can feed one input of a vector or a series, or several inputs of one value each.
    """
    if len(specs) == 1:
        return specs[0].shape is None or len(specs[0].shape) <= 2
    return all(spec.shape in SCALAR_SHAPES for spec in specs)


def find_similar_name(name: str, names: Sequence[str]) -> str | None:
    """Return the most similar of `names`, compared without case and punctuation, or None."""
    normalized = {_normalize_name(other): other for other in reversed(names)}
    similar = difflib.get_close_matches(_normalize_name(name), list(normalized), n=1, cutoff=0.75)
    return normalized[similar[0]] if similar else None


def _normalize_name(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


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
        raise _build_unfit_error(specs, heading.where)
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
        raise _build_unfit_error([spec], heading.where)
    raise _build_count_error(heading, spec, len(candidates[0]))


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
    return ColumnAssignment((spec,), {spec.name: indices}, heading.names, header, notes, series)


def _note_unused(heading: Heading, indices: Sequence[int]) -> dict[str, str]:
    names = [heading.get_name(index) or "(without a name)" for index in indices]
    return {UNUSED_NOTE: f"columns that feed no input: {', '.join(names)}"} if names else {}


def _build_count_error(heading: Heading, spec: InputSpec, width: int) -> ItemError:
    shape = spec.shape or ()
    wanted = prod(d or 1 for d in shape)
    if heading.columns:
        return ItemError(
            f"{heading.where}: --columns names {width} columns, input {spec} takes {wanted}",
            reason=f"the columns are {heading.format_names()}",
            hint=f"name {wanted} of them",
            kind="shape",
        )
    series = f", or one sample of {format_shape(shape)}, a row a step" if shape[1:] else ""
    values = "one value" if wanted == 1 else f"{wanted} values"
    return ItemError(
        f"{heading.where}: {heading.width} columns do not fit input {spec}",
        reason=f"it takes {values} a row{series}; the columns are {heading.format_names()}",
        hint=_suggest_columns(heading, wanted),
        kind="shape",
    )


def _suggest_columns(heading: Heading, wanted: int) -> str:
    """Return a hint on how to select the columns of an input of `wanted` values."""
    first = heading.get_name(0)
    others = [heading.get_name(index) for index in range(1, heading.width)]
    if len(others) == wanted and (not first or INDEX_NAME.fullmatch(first)):
        named = f"the first column, {first!r}," if first else "the first column has no name and"
        advice = f"{named} looks like the index that pandas writes: leave it out"
        if wanted <= MAX_LISTED and not any(set(name) & set(', "') for name in others):
            return f"{advice} with --columns {','.join(others)}, or by to_csv(..., index=False)"
        return f"{advice} by to_csv(..., index=False)"
    if wanted == 1:
        return "name the one that feeds it: --columns NAME"
    return f"name the {wanted} that feed it, in their order: --columns A,B,C and so on"


def _assign_by_name(heading: Heading, specs: Sequence[InputSpec]) -> ColumnAssignment:
    header = heading.names
    for spec in specs:
        if header.count(spec.name) != 1:
            raise _build_missing_error(heading, spec, specs)
    by_input = {spec.name: [header.index(spec.name)] for spec in specs}
    used = tuple(name for name in header if name in by_input)
    unused = [index for index, name in enumerate(header) if name not in by_input]
    return ColumnAssignment(tuple(specs), by_input, header, used, _note_unused(heading, unused))


def _build_missing_error(
    heading: Heading, spec: InputSpec, specs: Sequence[InputSpec]
) -> ItemError:
    """Return the ItemError that names the inputs without a column of their name."""
    if spec.name in heading.names:
        return ItemError(
            f"{heading.where}: several columns are called {spec.name!r}",
            hint="each input takes the column of its name: leave one of that name",
            kind="shape",
        )
    missing = [p.name for p in specs if p.name not in heading.names]
    free = [name for name in heading.names if name not in {p.name for p in specs}]
    similar = {name: other for name in missing if (other := find_similar_name(name, free))}
    pairs = ", ".join(f"{other!r} for {name!r}" for name, other in similar.items())
    name, other = next(iter(similar.items()), ("NAME", "COLUMN"))
    free_names = f"columns without an input: {_format_some_names(free)}"
    return ItemError(
        f"{heading.where}: no column for input {', '.join(missing)}",
        reason=f"did you mean {pairs}?" if pairs else free_names,
        hint="name the columns as the inputs, or say so in MODEL.inputgrad.toml under [inputs]: "
        f'"{other}" = "{name}"',
        kind="shape",
    )


def _format_some_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return (", ".join(names[:MAX_LISTED]) or "none") + more


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


def _build_unfit_error(specs: Sequence[InputSpec], where: str) -> ItemError:
    return ItemError(
        f"{where}: a table cannot feed the inputs {', '.join(str(spec) for spec in specs)}",
        reason="of several inputs each must take one value a row, from the column of its name",
        hint="give one file for each input: -i NAME=FILE",
        kind="shape",
    )

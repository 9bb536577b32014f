"""Converts rows to samples, for tables, JSON lines and Parquet files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.data.model_input_conversion import fit_array
from inputgrad_cli.data.samples import Samples, find_nonfinite
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.numeric.array_helpers import Array, format_shape
from inputgrad_cli.numeric.ragged_arrays import to_ragged_array

MAX_TEXT_BYTES = 1 << 30  # NumPy gives every text the space of the longest


@dataclass(frozen=True)
class Row:
    """One sample by model input, without the batch axis, or the error if it cannot be used.

    `unused` are the cells of the columns of a table that feed no input.
    """

    location: str
    values: Mapping[str, Array]
    error: ItemError | None = None
    unused: tuple[str, ...] = ()


def gather_rows(rows: Sequence[Row], specs: Sequence[InputSpec], where: str) -> Samples:
    """Return the rows as samples, with NaN, 0 or an empty text for rows that cannot be used.

    Rows of unequal shapes become a ragged array. Raises ItemError if no row can be used.
    """
    first = next((row for row in rows if row.error is None), None)
    if first is None:
        raise build_unusable_error(len(rows), rows[0].error, where)
    failed = {index: row.error for index, row in enumerate(rows) if row.error is not None}
    arrays = {
        spec.name: _stack_values(rows, failed, first.values[spec.name], spec) for spec in specs
    }
    return Samples(arrays, many=True, failed=failed)


def build_unusable_error(count: int, first: ItemError | None, where: str) -> ItemError:
    """Return the ItemError for a file of which no sample can be used."""
    if count == 1 and first is not None:
        return first
    return ItemError(
        f"{where}: none of its {count} samples can be used",
        reason="" if first is None else f"the first: {first.format_line()}",
        kind=first.kind if first is not None else "empty",
    )


def _stack_values(
    rows: Sequence[Row], failed: Mapping[int, ItemError], template: Array, spec: InputSpec
) -> Array:
    missing = {"f": np.nan, "U": ""}.get(template.dtype.kind, 0)
    filler = np.full(template.shape, missing, template.dtype)
    values = [filler if n in failed else row.values[spec.name] for n, row in enumerate(rows)]
    widest = max(value.dtype.itemsize for value in values)
    if spec.kind == "text" and widest * template.size * len(values) > MAX_TEXT_BYTES:
        raise ItemError(
            f"{rows[0].location}: texts of input {spec.name!r} are too long to stand in one array",
            reason="every text takes the room of the longest",
            hint="give the longest texts files of their own",
            kind="unreadable",
        )
    is_even = len({value.shape for value in values}) == 1
    return np.stack(values) if is_even else to_ragged_array(values)


def to_sample(value: object, spec: InputSpec, location: str) -> Array:
    """Return one sample of the input from a number, a text, or lists of them.

    Raises ItemError (kinds `shape`, `dtype`, `nonfinite`).
    """
    array = _to_array(value, spec, location)
    shape = spec.align_shape(array.shape)
    if shape is None:
        raise ItemError(
            f"{location}: {spec.name!r} has the shape {format_shape(array.shape)}",
            reason=f"the model takes {spec}",
            kind="shape",
        )
    array = array.reshape(shape)
    fitted = fit_array(array, replace(spec, shape=array.shape), location)
    bad = fitted.failed or find_nonfinite({spec.name: fitted.array}, location)
    if bad:
        raise bad[0]
    return np.asarray(fitted.array[0])


def _to_array(value: object, spec: InputSpec, location: str) -> Array:
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError):  # lists of unequal length, numbers too large for any dtype
        array = np.empty((), object)
    wanted = "U" if spec.kind == "text" else "biuf"
    if array.size == 0 or array.dtype.kind not in wanted or not _has_only_texts(value, spec):
        expected = "texts" if spec.kind == "text" else "numbers"
        raise ItemError(
            f"{location}: {spec.name!r} holds other things than {expected}",
            reason=f"the model takes {spec}",
            kind="dtype",
        )
    return array


def _has_only_texts(value: object, spec: InputSpec) -> bool:
    """Return whether the values of a text input are all texts.

    NumPy would convert a number among texts to text.
    """
    if spec.kind != "text" or not isinstance(value, list):
        return True
    return all(
        isinstance(part, str) or (isinstance(part, list) and _has_only_texts(part, spec))
        for part in value
    )

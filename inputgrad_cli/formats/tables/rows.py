"""From rows, each one sample, to samples: what tables, JSON lines and Parquet have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.data.samples import Samples, fit, nonfinite
from inputgrad_cli.data.signature import Port
from inputgrad_cli.errors import ItemError
from inputgrad_cli.numeric.arrays import Array, printable_shape
from inputgrad_cli.numeric.ragged import uneven

MOST_TEXT = 1 << 30  # bytes; NumPy gives every text the room of the longest


@dataclass(frozen=True)
class Row:
    """One sample by model input, without the batch axis, or why it cannot be used."""

    place: str
    values: Mapping[str, Array]
    error: ItemError | None = None


def gather(rows: Sequence[Row], ports: Sequence[Port], where: str) -> Samples:
    """Return the rows as many samples; those that cannot be used are NaN, 0 or no text.

    Rows of unequal shapes, as the model leaves lengths open, stay apart. Raises ItemError where no
    row can be used.
    """
    good = next((row for row in rows if row.error is None), None)
    if good is None:
        raise useless(len(rows), rows[0].error, where)
    failed = {number: row.error for number, row in enumerate(rows) if row.error is not None}
    arrays = {port.name: _stack(rows, failed, good.values[port.name], port) for port in ports}
    return Samples(arrays, many=True, failed=failed)


def useless(count: int, first: ItemError | None, where: str) -> ItemError:
    """Return the error of a file none of whose samples can be used."""
    if count == 1 and first is not None:
        return first
    return ItemError(
        f"{where}: none of its {count} samples can be used",
        reason="" if first is None else f"the first: {first.sentence()}",
        kind=first.kind if first is not None else "empty",
    )


def _stack(rows: Sequence[Row], failed: Mapping[int, ItemError], like: Array, port: Port) -> Array:
    nothing = {"f": np.nan, "U": ""}.get(like.dtype.kind, 0)
    filler = np.full(like.shape, nothing, like.dtype)
    values = [filler if n in failed else row.values[port.name] for n, row in enumerate(rows)]
    widest = max(value.dtype.itemsize for value in values)
    if port.kind == "text" and widest * like.size * len(values) > MOST_TEXT:
        raise ItemError(
            f"{rows[0].place}: texts of input {port.name!r} are too long to stand in one array",
            reason="every text takes the room of the longest",
            mend="give the longest texts files of their own",
            kind="unreadable",
        )
    same = len({value.shape for value in values}) == 1
    return np.stack(values) if same else uneven(values)


def one(value: object, port: Port, place: str) -> Array:
    """Return one sample of `port` from a number, a text, or lists of them; ItemError."""
    array = _plain(value, port, place)
    shape = port.fitting(array.shape)
    if shape is None:
        raise ItemError(
            f"{place}: {port.name!r} has the shape {printable_shape(array.shape)}",
            reason=f"the model takes {port}",
            kind="shape",
        )
    array = array.reshape(shape)
    fitted = fit(array, replace(port, shape=array.shape), place)
    bad = fitted.failed or nonfinite({port.name: fitted.array}, place)
    if bad:
        raise bad[0]
    return np.asarray(fitted.array[0])


def _plain(value: object, port: Port, place: str) -> Array:
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError):  # lists of unequal length, numbers beyond any type
        array = np.empty((), object)
    wanted = "U" if port.kind == "text" else "biuf"
    if array.size == 0 or array.dtype.kind not in wanted or not _pure(value, port):
        told = "texts" if port.kind == "text" else "numbers"
        raise ItemError(
            f"{place}: {port.name!r} holds other things than {told}",
            reason=f"the model takes {port}",
            kind="dtype",
        )
    return array


def _pure(value: object, port: Port) -> bool:
    """Return whether no number stands among texts, which NumPy would write out as text."""
    if port.kind != "text" or not isinstance(value, list):
        return True
    return all(
        isinstance(part, str) or (isinstance(part, list) and _pure(part, port)) for part in value
    )

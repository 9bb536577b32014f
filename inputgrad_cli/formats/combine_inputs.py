"""From arrays by input name, and from several files, to the samples of one item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from inputgrad_cli.data.samples import Samples, fit, layout
from inputgrad_cli.data.signature import Port
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.numeric.arrays import Array

CROSSED = "crossed"  # the code of the note that samples of unequal counts were combined


def from_arrays(arrays: Mapping[str, Array], ports: Sequence[Port], where: str) -> Samples:
    """Return samples from arrays by input name; ItemError (kinds `dtype`, `shape`, `empty`)."""
    refuse_missing(arrays, [port.name for port in ports], where)
    fitted = {port.name: fit(arrays[port.name], port, where) for port in ports}
    made = _same_count(
        {n: f.array for n, f in fitted.items()}, [f.many for f in fitted.values()], where
    )
    failed = {row: error for f in fitted.values() for row, error in f.failed.items()}
    return replace(made, failed=failed, record=layout(ports))


def refuse_missing(found: Mapping[str, Any], wanted: Sequence[str], where: str) -> None:
    """Raise ItemError unless every name that is wanted was found."""
    if missing := [name for name in wanted if name not in found]:
        raise ItemError(
            f"{where}: no array for input {', '.join(missing)}",
            reason=f"it holds {', '.join(sorted(found)) or 'none'}",
            kind="shape",
        )


def _same_count(arrays: dict[str, Array], many: Sequence[bool], where: str) -> Samples:
    counts = {len(array) for array in arrays.values()}
    if len(counts) > 1 or len(set(many)) > 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ItemError(f"{where}: inputs of unequal counts: {shapes}", kind="shape")
    return Samples(arrays, many=many[0])


def merge(parts: Sequence[Samples], ports: Sequence[Port]) -> Samples:
    """Return one item of several files; a single sample beside many serves them all.

    UsageError where files of many samples hold unequal counts: the call itself makes no sense.
    """
    many = any(part.many for part in parts)
    counts = {len(part) for part in parts if part.many}
    if len(counts) > 1:
        told = ", ".join(f"{p.name}: {len(s)}" for p, s in zip(ports, parts, strict=True))
        raise UsageError(
            f"the inputs hold unequal counts of samples ({told})",
            mend="give files of equal counts, or a file of one sample to serve them all",
        )
    total = counts.pop() if counts else 1

    def spread(part: Samples, array: Array) -> Array:
        if part.many or not many:
            return array
        return np.broadcast_to(array, (total, *array.shape[1:]))

    return Samples(
        {name: spread(part, array) for part in parts for name, array in part.arrays.items()},
        many,
        {name: spread(part, array) for part in parts for name, array in part.pixels.items()},
        {n: p for part in parts for n, p in part.preprocess.items()},
        failed={row: e for part in parts for row, e in part.failed.items()},
        notes={code: note for part in parts for code, note in part.notes.items()}
        | _crossed(parts, ports),
        record=_records(parts),
    )


def _crossed(parts: Sequence[Samples], ports: Sequence[Port]) -> dict[str, str]:
    """Return the note that every one of many samples is explained with a single one."""
    pairs = list(zip(ports, parts, strict=True))
    many = " and ".join(repr(port.name) for port, part in pairs if part.many and len(part) > 1)
    alone = " and ".join(repr(port.name) for port, part in pairs if not part.many)
    if not (many and alone):
        return {}
    total = max(len(part) for part in parts)
    note = f"each of the {total} samples of {many} is explained with the one of {alone}"
    return {
        CROSSED: f"{note}, as a file beside a directory serves every item. To pair them one by "
        "one, give directories of files with the same names, or all inputs in one .npz or .jsonl"
    }


def _records(parts: Sequence[Samples]) -> dict[str, Any]:
    """Return what was recorded of all parts; what is kept by input name, or in a list, adds up."""
    record: dict[str, Any] = {}
    for part in parts:
        for key, value in part.record.items():
            earlier = record.get(key)
            if isinstance(earlier, dict) and isinstance(value, dict):
                value = {**earlier, **value}
            elif key in ("channels_first", "flat") and earlier:
                value = [*earlier, *value]
            record[key] = value
    return record

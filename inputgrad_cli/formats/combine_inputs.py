"""Combines arrays by input name, or the samples of several files, into the samples of one item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from inputgrad_cli.data.model_input_conversion import fit_array
from inputgrad_cli.data.samples import Samples, describe_layout
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.formats.tables.header_merging import merge_headers, merge_unused
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.schema.json_type_alias import JsonObject

CROSSED_NOTE = "crossed"  # code of the note on one file that serves many samples


def from_arrays(arrays: Mapping[str, Array], specs: Sequence[InputSpec], where: str) -> Samples:
    """Return samples from arrays by input name.

    Raises ItemError (kinds `dtype`, `shape`, `empty`).
    """
    refuse_missing(arrays, [spec.name for spec in specs], where)
    fitted = {spec.name: fit_array(arrays[spec.name], spec, where) for spec in specs}
    samples = _build_samples(
        {n: f.array for n, f in fitted.items()}, [f.many for f in fitted.values()], where
    )
    failed = {row: error for f in fitted.values() for row, error in f.failed.items()}
    return replace(samples, failed=failed, record=describe_layout(specs))


def refuse_missing(names: Mapping[str, Any], wanted: Sequence[str], where: str) -> None:
    """Raise ItemError unless every wanted name is in `names`."""
    if missing := [name for name in wanted if name not in names]:
        raise ItemError(
            f"{where}: no array for input {', '.join(missing)}",
            reason=f"it holds {', '.join(sorted(names)) or 'none'}",
            kind="shape",
        )


def _build_samples(arrays: dict[str, Array], many: Sequence[bool], where: str) -> Samples:
    counts = {len(array) for array in arrays.values()}
    if len(counts) > 1 or len(set(many)) > 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ItemError(f"{where}: inputs of unequal counts: {shapes}", kind="shape")
    return Samples(arrays, many=many[0])


def merge_samples(parts: Sequence[Samples], specs: Sequence[InputSpec]) -> Samples:
    """Return the samples of one item that has one file for each input.

    A file of a single sample is repeated for all samples of the others. Raises UsageError if
    files of many samples hold unequal counts, because no repetition could combine them.
    """
    if len(parts) == 1:
        return parts[0]
    by_input = {spec.name: part for spec, part in zip(specs, parts, strict=True)}
    many = any(part.many for part in parts)
    counts = {len(part) for part in parts if part.many}
    if len(counts) > 1:
        counted = ", ".join(f"{p.name}: {len(s)}" for p, s in zip(specs, parts, strict=True))
        raise UsageError(
            f"the inputs hold unequal counts of samples ({counted})",
            hint="give files of equal counts, or a file of one sample to serve them all",
        )
    total = counts.pop() if counts else 1

    def broadcast(part: Samples, array: Array) -> Array:
        if part.many or not many:
            return array
        return np.broadcast_to(array, (total, *array.shape[1:]))

    return Samples(
        {name: broadcast(part, array) for part in parts for name, array in part.arrays.items()},
        many,
        {name: broadcast(part, array) for part in parts for name, array in part.pixels.items()},
        {n: p for part in parts for n, p in part.preprocess.items()},
        failed={row: e for part in parts for row, e in part.failed.items()},
        notes={code: note for part in parts for code, note in part.notes.items()}
        | _note_crossing(parts, specs),
        record=_merge_records(by_input),
        unused=merge_unused(by_input),
        originals={
            name: originals if part.many or not many else originals * total
            for part in parts
            for name, originals in part.originals.items()
        },
    )


def _note_crossing(parts: Sequence[Samples], specs: Sequence[InputSpec]) -> dict[str, str]:
    """Return the note that many samples of one input share a single sample of another."""
    pairs = list(zip(specs, parts, strict=True))
    many = " and ".join(repr(spec.name) for spec, part in pairs if part.many and len(part) > 1)
    alone = " and ".join(repr(spec.name) for spec, part in pairs if not part.many)
    if not (many and alone):
        return {}
    total = max(len(part) for part in parts)
    note = f"each of the {total} samples of {many} is explained with the one of {alone}"
    return {
        CROSSED_NOTE: f"{note}, as a file beside a directory serves every item. To pair them one "
        "by one, give directories of files with the same names, or all inputs in one .npz or .jsonl"
    }


def _merge_records(parts: Mapping[str, Samples]) -> JsonObject:
    """Return the records of all parts; dictionaries by input name and lists are merged."""
    headers = merge_headers(parts)
    record: JsonObject = {"headers": headers} if headers else {}
    for part in parts.values():
        for key, value in part.record.items():
            earlier = record.get(key)
            if isinstance(earlier, dict) and isinstance(value, dict):
                value = {**earlier, **value}
            elif key in ("channels_first", "flat", "animated") and earlier:
                value = [*earlier, *value]
            record[key] = value
    return record

"""Builds the attribution of each item, and the metadata stored with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inputgrad_cli.data.attribution import Attribution
from inputgrad_cli.data.preprocessing import Preprocess
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.errors import ItemError
from inputgrad_cli.explanation.batch import BatchAttribution
from inputgrad_cli.explanation.sample_record import Record
from inputgrad_cli.numeric.arrays import Array
from inputgrad_cli.numeric.lazy_array import concat_lazy, is_lazy

SCHEMA = 1  # version of the stored metadata


@dataclass(frozen=True)
class Provenance:
    """The facts that the records of all items of a run share."""

    model_sha256: str
    versions: Mapping[str, str]
    seed: int
    baseline: str | None
    wrt: str | None
    precision: str


def build_attribution(
    parts: Sequence[BatchAttribution], samples: Samples, provenance: Provenance
) -> Attribution:
    """Build the attribution of one item from its parts, in order.

    The rows of failed samples are NaN. Raises ItemError if every sample has failed.
    """
    usable = [row for row in range(len(samples)) if row not in samples.failed]
    failed = find_failures(parts, samples)
    if len(failed) == len(usable):
        raise failed[usable[0]]
    records: list[Record | None] = [None] * len(samples)
    for row, record in zip(usable, (row for part in parts for row in part.records), strict=True):
        records[row] = None if isinstance(record, ItemError) else record
    values = {}
    for site in (s for s in parts[0].values if all(s in part.values for part in parts)):
        rows = [part.values[site] for part in parts]
        if any(is_lazy(array) for array in rows):  # spilled to disk: joined without reading them
            values[site] = concat_lazy(rows, usable, len(samples))
            continue
        rows = [np.asarray(array, np.float32) for array in rows]
        joined = rows[0] if len(rows) == 1 else np.concatenate(rows)
        values[site] = _spread(joined, usable, len(samples)) if samples.many else joined[0]
    return Attribution(
        values, _build_metadata(parts[0], records, samples, provenance), samples.many
    )


def find_failures(parts: Sequence[BatchAttribution], samples: Samples) -> dict[int, ItemError]:
    """Return the errors of samples that could be read but have no map, by row."""
    usable = (row for row in range(len(samples)) if row not in samples.failed)
    rows = zip(usable, (row for part in parts for row in part.records), strict=True)
    return {index: row for index, row in rows if isinstance(row, ItemError)}


def _spread(values: Array, usable: Sequence[int], total: int) -> Array:
    if len(usable) == total:
        return values
    out = np.full((total, *values.shape[1:]), np.nan, np.float32)
    out[list(usable)] = values
    return out


def _build_metadata(
    attribution: BatchAttribution,
    records: Sequence[Record | None],
    samples: Samples,
    provenance: Provenance,
) -> dict[str, Any]:
    first_record = next(record for record in records if record is not None)

    def get_column(key: str) -> Any:
        if not samples.many:
            return first_record[key]
        return [None if record is None else record[key] for record in records]

    def get_common(key: str) -> Any:
        """Return the value that all samples share, or a list of theirs if they differ."""
        values = [record[key] for record in records if record is not None]
        return (
            first_record[key]
            if all(value == first_record[key] for value in values)
            else get_column(key)
        )

    # These keys are part of the file format.
    request = attribution.request
    out = {
        "schema": SCHEMA,
        "many": samples.many,
        "method": {
            "name": request.method.name,
            "label": request.label,
            **to_parameters(request.method),
        },
        "target": {
            "asked": get_common("asked"),
            "output": get_common("output"),
            "index": get_column("index"),
            "label": get_column("label"),
            "class": get_column("class"),
        },
        "space": get_common("space"),
        "score": get_column("score"),
        "baseline_score": get_column("baseline_score"),
        "probability": get_column("probability"),
        "checks": get_column("checks"),
        "disconnected": sorted({name for r in records if r for name in r["disconnected"]}),
        "unexplained": {
            name: reason for r in records if r for name, reason in r["unexplained"].items()
        },
        **first_record["facts"],  # the same for all samples
        "reduce": request.method.reduce,
        "quantity": _format_quantity(request.method.quantity, get_common("space")),
        "sign": request.method.sign,
        "per_input": request.method.per_input,
        "baseline": _describe_baseline(attribution, samples, provenance),
        "preprocess": {n: to_preprocess_record(p) for n, p in samples.preprocess.items()} or None,
        **samples.record,
        "wrt": provenance.wrt,
        "precision": provenance.precision,
        "seed": provenance.seed,
        "model": {"sha256": provenance.model_sha256},
        "versions": dict(provenance.versions),
    }
    for extra in ("scores", "tokens"):
        if extra in first_record:
            out[extra] = get_column(extra)
    return out


def _format_quantity(quantity: str, space: Any) -> str:
    """Return the quantity in words, with the space filled in if all samples share it."""
    return quantity.replace("{space}", space) if isinstance(space, str) else quantity


def _describe_baseline(
    attribution: BatchAttribution, samples: Samples, provenance: Provenance
) -> str | None:
    if not attribution.request.method.uses_baseline:
        return None
    return provenance.baseline or ("black" if samples.preprocess else "zeros")


def to_parameters(value: Any) -> dict[str, Any]:
    """Return the parameters of a method or baseline."""
    return {"parameters": {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}}


def to_preprocess_record(preprocess: Preprocess) -> dict[str, Any]:
    """Return the record of a preprocessing."""
    return dict(vars(preprocess))


def format_call(value: Any) -> str:
    """Format a method or baseline as a call in the option grammar, with all its parameters."""
    pairs = [f"{f.name}={getattr(value, f.name)}" for f in dataclasses.fields(value)]
    return str(value.name) + (":" + ",".join(pairs) if pairs else "")

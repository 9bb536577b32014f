"""From answers to what is stored: one attribution an item, with the record that goes with it."""

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
from inputgrad_cli.explanation.batch import Answer
from inputgrad_cli.explanation.sample_record import Record
from inputgrad_cli.numeric.arrays import Array
from inputgrad_cli.numeric.lazy_array import is_stored, strung

SCHEMA = 1


@dataclass(frozen=True)
class Facts:
    """What the records of all items of a run share."""

    model_sha256: str
    versions: Mapping[str, str]
    seed: int
    baseline: str | None
    wrt: str | None
    precision: str


def attribution_of(parts: Sequence[Answer], samples: Samples, facts: Facts) -> Attribution:
    """Return the attribution of one item from its answers in order; failed samples are NaN rows.

    Raises ItemError where no sample is left.
    """
    good = [row for row in range(len(samples)) if row not in samples.failed]
    failed = failures_of(parts, samples)
    if len(failed) == len(good):
        raise failed[good[0]]
    records: list[Record | None] = [None] * len(samples)
    for row, record in zip(good, (row for part in parts for row in part.records), strict=True):
        records[row] = None if isinstance(record, ItemError) else record
    values = {}
    for site in (s for s in parts[0].values if all(s in part.values for part in parts)):
        rows = [part.values[site] for part in parts]
        if any(is_stored(array) for array in rows):
            values[site] = strung(rows, good, len(samples))
            continue
        rows = [np.asarray(array, np.float32) for array in rows]
        joined = rows[0] if len(rows) == 1 else np.concatenate(rows)
        values[site] = _spread(joined, good, len(samples)) if samples.many else joined[0]
    return Attribution(values, _metadata(parts[0], records, samples, facts), samples.many)


def failures_of(parts: Sequence[Answer], samples: Samples) -> dict[int, ItemError]:
    """Return why samples of an item that could be read have no map, by their number."""
    good = (row for row in range(len(samples)) if row not in samples.failed)
    rows = zip(good, (row for part in parts for row in part.records), strict=True)
    return {number: row for number, row in rows if isinstance(row, ItemError)}


def _spread(values: Array, good: Sequence[int], total: int) -> Array:
    if len(good) == total:
        return values
    out = np.full((total, *values.shape[1:]), np.nan, np.float32)
    out[list(good)] = values
    return out


def _metadata(
    answer: Answer, records: Sequence[Record | None], samples: Samples, facts: Facts
) -> dict[str, Any]:
    first = next(record for record in records if record is not None)

    def column(key: str) -> Any:
        if not samples.many:
            return first[key]
        return [None if record is None else record[key] for record in records]

    def common(key: str) -> Any:
        """Return the value that all samples share; a list where a file gave them their own."""
        told = [record[key] for record in records if record is not None]
        return first[key] if all(value == first[key] for value in told) else column(key)

    wish = answer.wish
    out = {
        "schema": SCHEMA,
        "many": samples.many,
        "method": {"name": wish.method.name, "label": wish.label, **parameters(wish.method)},
        "target": {
            "asked": common("asked"),
            "output": common("output"),
            "index": column("index"),
            "label": column("label"),
            "class": column("class"),
        },
        "space": common("space"),
        "score": column("score"),
        "baseline_score": column("baseline_score"),
        "probability": column("probability"),
        "checks": column("checks"),
        "disconnected": sorted({name for r in records if r for name in r["disconnected"]}),
        "unexplained": {name: why for r in records if r for name, why in r["unexplained"].items()},
        **first["facts"],
        "reduce": wish.method.reduce,
        "quantity": _in_space(wish.method.quantity, common("space")),
        "sign": wish.method.sign,
        "per_input": wish.method.per_input,
        "baseline": _baseline(answer, samples, facts),
        "preprocess": {n: written(p) for n, p in samples.preprocess.items()} or None,
        **samples.record,
        "wrt": facts.wrt,
        "precision": facts.precision,
        "seed": facts.seed,
        "model": {"sha256": facts.model_sha256},
        "versions": dict(facts.versions),
    }
    for extra in ("scores", "tokens"):
        if extra in first:
            out[extra] = column(extra)
    return out


def _in_space(quantity: str, space: Any) -> str:
    """Return what a value is, with the space in words where all samples share it."""
    return quantity.replace("{space}", space) if isinstance(space, str) else quantity


def _baseline(answer: Answer, samples: Samples, facts: Facts) -> str | None:
    if not answer.wish.method.uses_baseline:
        return None
    return facts.baseline or ("black" if samples.preprocess else "zeros")


def parameters(value: Any) -> dict[str, Any]:
    """Return the parameters of a method or baseline."""
    return {"parameters": {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}}


def written(preprocess: Preprocess) -> dict[str, Any]:
    """Return a preprocessing as it stands in records."""
    return dict(vars(preprocess))


def spelled(value: Any) -> str:
    """Return a method or baseline in the words of the grammar, with all its parameters."""
    pairs = [f"{f.name}={getattr(value, f.name)}" for f in dataclasses.fields(value)]
    return str(value.name) + (":" + ",".join(pairs) if pairs else "")

"""Builds the attribution of each item, and the metadata stored with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.baselines import Baseline
from inputgrad_cli.data.map_record import MapRecord, RecordedMap, SiteFacts
from inputgrad_cli.data.optimization_arrays import TRACE, join_traces
from inputgrad_cli.data.sample_record import SampleRecord
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.errors import ItemError
from inputgrad_cli.explanation.batch_attribution import BatchAttribution
from inputgrad_cli.explanation.request import MethodRequest
from inputgrad_cli.interfaces.goal import Goal, GoalRequest
from inputgrad_cli.interfaces.method import Method
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.numeric.lazy_array import concat_lazy, is_lazy
from inputgrad_cli.schema.json_type_alias import JsonObject


@dataclass(frozen=True)
class Provenance:
    """The facts that the records of all items of a run share."""

    model_sha256: str
    versions: Mapping[str, str]
    seed: int
    baseline: str | None
    wrt: str | None
    precision: str


@dataclass(frozen=True)
class MapOrigin:
    """What a record says of the method that made a map, or of the goal of a search.

    The fields are those of `Method`; `parameters` are by name.
    """

    name: str
    parameters: JsonObject
    quantity: str
    reduce: str = "sum"
    sign: str = "signed"
    per_input: bool = False
    uses_baseline: bool = False


def describe_request(request: MethodRequest | GoalRequest) -> MapOrigin:
    """Return what the record of a map says of the request that it answers."""
    if isinstance(request, GoalRequest):
        goal = request.goal
        # Channels that move in opposite directions would cancel in a sum, so the largest is taken.
        return MapOrigin(goal.name, get_parameters(goal), "change of the input", "max-abs")
    method = request.method
    return MapOrigin(
        method.name,
        get_parameters(method),
        method.quantity,
        method.reduce,
        method.sign,
        method.per_input,
        method.uses_baseline,
    )


def build_map(
    parts: Sequence[BatchAttribution], samples: Samples, provenance: Provenance
) -> RecordedMap:
    """Build the map of one item from its parts, in order.

    The rows of failed samples are NaN. Raises ItemError if every sample has failed.
    """
    usable = samples.usable_rows
    failed = find_failures(parts, samples)
    if len(failed) == len(usable):
        raise failed[usable[0]]
    is_search = isinstance(parts[0].request, GoalRequest)
    values = {}
    # A site that one of the passes could not explain has no values for all samples.
    for site in (s for s in parts[0].values if all(s in part.values for part in parts)):
        rows = [part.values[site] for part in parts]
        if is_search and site == TRACE:
            values[site] = _spread(join_traces(rows), usable, len(samples))
            continue
        if any(is_lazy(array) for array in rows):  # spilled to disk: joined without reading them
            values[site] = concat_lazy(rows, usable, len(samples))
            continue
        rows = [np.asarray(array, np.float32) for array in rows]
        joined = rows[0] if len(rows) == 1 else np.concatenate(rows)
        values[site] = _spread(joined, usable, len(samples))
    return RecordedMap(values, build_record(parts, samples, provenance))


def find_failures(parts: Sequence[BatchAttribution], samples: Samples) -> dict[int, ItemError]:
    """Return the errors of samples that could be read but have no map, by row."""
    rows = zip(samples.usable_rows, (row for part in parts for row in part.records), strict=True)
    return {index: row for index, row in rows if isinstance(row, ItemError)}


def _spread(values: Array, usable: Sequence[int], total: int) -> Array:
    if len(usable) == total:
        return values
    out = np.full((total, *values.shape[1:]), np.nan, np.float32)
    out[list(usable)] = values
    return out


def build_record(
    parts: Sequence[BatchAttribution], samples: Samples, provenance: Provenance
) -> MapRecord:
    """Build the record of one item from its parts; samples that failed have None."""
    records: list[SampleRecord | None] = [None] * len(samples)
    rows = (row for part in parts for row in part.records)
    for row, record in zip(samples.usable_rows, rows, strict=True):
        records[row] = None if isinstance(record, ItemError) else record
    origin = describe_request(parts[0].request)
    spaces = {record.space for record in records if record is not None}
    return MapRecord(
        method={
            "name": origin.name,
            "label": parts[0].request.label,
            "parameters": origin.parameters,
        },
        samples=tuple(records),
        many=samples.sample_count is not None,
        sites=_merge_site_facts([part for part in parts if part.has_map]),
        reduce=origin.reduce,
        quantity=_format_quantity(origin.quantity, spaces),
        sign=origin.sign,
        per_input=origin.per_input,
        baseline=_describe_baseline(origin, samples, provenance),
        preprocess={name: p.to_json() for name, p in samples.preprocess.items()},
        inputs=samples.record,
        wrt=provenance.wrt,
        precision=provenance.precision,
        seed=provenance.seed,
        model_sha256=provenance.model_sha256,
        versions=provenance.versions,
        header=samples.header,
    )


def _merge_site_facts(parts: Sequence[BatchAttribution]) -> SiteFacts:
    """Return the facts of all parts; those of the method are the same for every part."""
    return SiteFacts(
        parts[0].sites.facts,
        tuple(sorted({name for part in parts for name in part.sites.disconnected})),
        {name: why for part in parts for name, why in part.sites.unexplained.items()},
    )


def _format_quantity(quantity: str, spaces: Set[str]) -> str:
    """Return the quantity in words, with the space filled in if all samples share it."""
    return quantity.replace("{space}", next(iter(spaces))) if len(spaces) == 1 else quantity


def _describe_baseline(origin: MapOrigin, samples: Samples, provenance: Provenance) -> str | None:
    if not origin.uses_baseline:
        return None
    # The defaults are black for picture files, and zeros for all other inputs.
    return provenance.baseline or ("black" if samples.preprocess else "zeros")


def get_parameters(value: Method | Goal) -> JsonObject:
    """Return the parameters of a method or goal by name."""
    return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}


def format_call(value: Method | Baseline) -> str:
    """Format a method or baseline as a call in the option grammar, with all its parameters."""
    pairs = [f"{f.name}={getattr(value, f.name)}" for f in dataclasses.fields(value)]
    return str(value.name) + (":" + ",".join(pairs) if pairs else "")

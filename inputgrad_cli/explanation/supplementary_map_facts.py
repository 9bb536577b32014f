"""Adds to maps what a reader needs beside the values: tokens, causes of zeros, inputs of layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.data.pictures.target_region import describe_region
from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget
from inputgrad_cli.data.sample_record import SampleRecord
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch
from inputgrad_cli.numeric.array_helpers import Array, Arrays


def add_tokens(
    records: list[SampleRecord], tokens: Mapping[str, list[list[Any]]]
) -> list[SampleRecord]:
    """Return the records with the tokens of text and category inputs, a list per sample."""
    if not tokens:
        return records
    return [
        replace(record, tokens={name: rows[index] for name, rows in tokens.items()})
        for index, record in enumerate(records)
    ]


def add_zero_reasons(records: list[SampleRecord], reasons: Mapping[int, str]) -> list[SampleRecord]:
    """Return the records, with the reason why the map is zero for the samples in `reasons`."""
    return [
        replace(record, checks={**record.checks, "zero_because": reasons[index]})
        if index in reasons
        else record
        for index, record in enumerate(records)
    ]


def add_seen_inputs(
    result: MethodResult, engine: Engine, points: Arrays, layers: Sequence[str]
) -> MethodResult:
    """Return the result with the model inputs that each explained layer depends on."""
    if not layers:
        return result
    inputs = engine.find_layer_inputs(points, layers)
    sees = {layer: sorted(names) for layer, names in inputs.items()}
    return replace(result, facts={**result.facts, "sees": sees})


def add_region(
    result: MethodResult, target: ResolvedTarget, output: Array, masks: Mapping[str, Array]
) -> MethodResult:
    """Return the result with what part of the output (B, ...) the target is about, if any."""
    region = describe_region(target, output.shape[1:], masks)
    return result if region is None else replace(result, facts={**result.facts, "region": region})


def find_blocked_sites(engine: Engine, batch: Batch, sites: Iterable[str]) -> dict[str, str]:
    """Return the sites that the target depends on without a derivative, with the reasons."""
    reasons = {}
    for site in sites:
        points = batch.inputs if site in batch.inputs else engine.to_points(batch.inputs, [site])
        if reason := engine.find_gradient_blockers(points, [site], batch.target):
            reasons[site] = reason
    return reasons

"""Optimizes one batch for all requested goals and targets, and records the results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.data.optimization_arrays import CHANGE, TRACE, pad_traces
from inputgrad_cli.data.sample_record import SampleRecord
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.errors import ItemError
from inputgrad_cli.explanation.batch_attribution import BatchAttribution
from inputgrad_cli.explanation.sample_record_builder import RecordOrError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.goal import GoalRequest, Rows
from inputgrad_cli.numeric.array_helpers import Array, Arrays
from inputgrad_cli.optimization.batch_optimization import optimize_batch, prepare_inputs
from inputgrad_cli.optimization.request import OptimizeRequest, SearchHooks
from inputgrad_cli.optimization.sample_result import TRACE_COLUMNS, Optimized


@dataclass(frozen=True)
class SearchRequest:
    """All goals and targets that are requested for every sample.

    `common` is the request that they have in common; `build_request` completes it.
    """

    goals: tuple[GoalRequest, ...]
    targets: tuple[Target, ...]
    common: OptimizeRequest

    def build_request(self, goal: GoalRequest, target: Target) -> OptimizeRequest:
        """Return the request of one goal and one target."""
        return replace(self.common, goal=goal.goal, target=target)


def search_batch(
    engine: Engine,
    samples: Samples,
    request: SearchRequest,
    truth: Array | None = None,
    *,
    hooks: SearchHooks | None = None,
    keeps_frames: bool = False,
) -> list[BatchAttribution]:
    """Return the results for each requested goal and target.

    The values are `NAME`, the input after the search, `NAME.change`, and `trace`, (B, S, 5), which
    is NaN after the end of a search that is shorter than others. With `keeps_frames` the pixels on
    the way of each search are returned, too.
    """
    hooks = hooks or SearchHooks()
    targets = [single for target in request.targets for single in target.split_ranks()]
    attributions = []
    clean = prepare_inputs(engine, samples, request.common)
    for goal in request.goals:
        for target in targets:
            single = request.build_request(goal, target)
            film = _Film(len(samples))
            results = optimize_batch(
                engine,
                samples,
                single,
                truth,
                hooks=replace(hooks, on_frame=film.add) if keeps_frames else hooks,
                clean=clean,
            )
            records = [_build_record(result, request.common.labels) for result in results]
            values = _stack_results(results, samples)
            attributions.append(
                BatchAttribution(
                    goal,
                    target.text,
                    values,
                    records,
                    frames=film.frames if keeps_frames else (),
                )
            )
    return attributions


class _Film:
    """Collects the pixels on the way of each sample of a batch."""

    def __init__(self, count: int) -> None:
        self.frames: list[dict[str, list[Array]]] = [{} for _ in range(count)]

    def add(self, step: int, pixels: Arrays, rows: Rows) -> None:
        """Add a frame to each of the samples `rows`, from pixels (N, H, W, C) by input."""
        for name, pictures in pixels.items():
            for row, picture in zip(rows, pictures, strict=True):
                self.frames[row].setdefault(name, []).append(picture)


def _stack_results(results: Sequence[Optimized | ItemError], samples: Samples) -> Arrays:
    """Return the arrays of all samples, (B, ...), NaN for those that have failed."""
    found_rows = [None if isinstance(result, ItemError) else result for result in results]
    first = next((result for result in found_rows if result is not None), None)
    templates = _list_templates(samples) if first is None else first.to_arrays()
    arrays = {
        name: np.stack(
            [
                np.full_like(template, np.nan, np.float32)
                if result is None
                else np.asarray(result.to_arrays()[name], np.float32)
                for result in found_rows
            ]
        )
        for name, template in templates.items()
        # Traces end where their search ends, so they are padded before they are stacked.
        if name != TRACE
    }
    traces = [
        np.empty((0, len(TRACE_COLUMNS)), np.float32)
        if result is None
        else np.asarray(result.trace, np.float32)
        for result in found_rows
    ]
    return {**arrays, TRACE: pad_traces(traces)}


def _list_templates(samples: Samples) -> dict[str, Array]:
    """Return an array of each shape that results have, for a batch without any."""
    inputs = {
        name: samples.pixels.get(name, array)[0]
        for name, array in samples.arrays.items()
        # Ids and texts cannot move, so a search has no result for them.
        if array.dtype.kind == "f"
    }
    return {**inputs, **{name + CHANGE: array for name, array in inputs.items()}}


def _build_record(result: Optimized | ItemError, labels: Sequence[str]) -> RecordOrError:
    """Return the record of a sample: its figures are those of the result as it is stored."""
    if isinstance(result, ItemError):
        return result
    target, after = result.target, result.after
    class_index = target.sought if target.left is None else target.left
    if class_index is None and target.index and len(target.index) == 1 and labels:
        (class_index,) = target.index  # of a goal that raises the score of a class without an end
    is_unchanged = not any(change.any() for change in result.changes.values())
    record = result.to_json()
    del record["target"]  # its parts are fields of their own
    return SampleRecord(
        asked=target.asked,
        space=target.space,
        checks={"finite": True, "zero": is_unchanged},
        output=target.output,
        index=target.index,
        label=_get_label(class_index, labels),
        class_index=class_index,
        score=after.value,
        probability=after.probability,
        search={**record, "wanted": target.wanted, "notes": dict(result.notes)},
    )


def _get_label(index: int | None, labels: Sequence[str]) -> str | None:
    return labels[index] if index is not None and index < len(labels) else None

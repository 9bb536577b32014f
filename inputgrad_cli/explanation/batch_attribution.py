"""Computes the attributions of one batch of samples; reads and writes no files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from inputgrad_cli.data.map_record import SiteFacts
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.errors import ItemError
from inputgrad_cli.explanation.map_computation import MapBuilder
from inputgrad_cli.explanation.request import ExplainRequest, MethodRequest, resolve_targets
from inputgrad_cli.explanation.sample_record_builder import RecordOrError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.goal import GoalRequest
from inputgrad_cli.numeric.array_helpers import Array, Arrays, take_rows

Frames = Mapping[str, Sequence[Array]]
"""Pixels (H, W, C) in the order of the steps of a search, by input."""


@dataclass(frozen=True)
class BatchAttribution:
    """The attributions of a batch for one method and one target, or the results of a search.

    `values` are (B, ...) by site; `records` has one record per sample. A failed sample has its
    error instead of a record, and NaN for values. `sites` holds for all samples. For the target
    `all` the class axis follows the batch axis. If `error` is set there is no map. `frames` are
    pixels on the way of a search, by input, for each sample, if they were asked for.
    """

    request: MethodRequest | GoalRequest
    target: str
    values: Arrays
    records: Sequence[RecordOrError]
    sites: SiteFacts = field(default_factory=SiteFacts)
    error: ItemError | None = None
    frames: Sequence[Frames] = ()

    @property
    def has_map(self) -> bool:
        """Return whether any sample has a map."""
        return any(not isinstance(record, ItemError) for record in self.records)

    def select_row(self, index: int) -> BatchAttribution:
        """Return the attribution of one sample alone, still with a batch axis."""
        part = slice(index, index + 1)
        return replace(
            self,
            values=take_rows(self.values, part),
            records=self.records[part],
            frames=self.frames[part],
        )


def explain_batch(
    engine: Engine,
    samples: Samples,
    request: ExplainRequest,
    truth: Array | None = None,
    *,
    parallel: bool = True,
) -> list[BatchAttribution]:
    """Return the attributions for each requested method and target.

    One forward pass over the clean inputs serves all maps. The target `all` is computed in groups
    of classes, so that little more memory than its result is used. `parallel` is false if other
    batches are computed at the same time, so that the passes of this one run one after another.
    """
    builder = MapBuilder(engine, samples, request, truth, parallel=parallel)
    groups = resolve_targets(request, engine.signature)
    singles = [group[0] for group in groups if not group[0].group]
    maps = dict(
        zip([target.text for target in singles], builder.compute_maps(singles), strict=True)
    )
    jacobians = {g[0].group: builder.compute_jacobian_maps(g) for g in groups if g[0].group}
    names = [group[0].group or group[0].text for group in groups]
    attributions = []
    # Callers of the Python interface are promised all targets of the first method first.
    for index, method in enumerate(request.methods):
        for name in names:
            result = (jacobians.get(name) or maps[name])[index]
            attributions.append(
                BatchAttribution(method, name, {}, (), error=result)
                if isinstance(result, ItemError)
                else BatchAttribution(method, name, result.values, result.records, result.sites)
            )
    return attributions

"""The computed maps of a batch, as tasks: each has maps that are written together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.errors import ItemError
from inputgrad_cli.explanation.attribution_assembly import Provenance
from inputgrad_cli.explanation.batch_attribution import BatchAttribution
from inputgrad_cli.runs.inputs.item_map_files import ItemMap
from inputgrad_cli.runs.pictures.map_pictures import MAX_PIXELS_TOGETHER
from inputgrad_cli.runs.tasks.explain_tasks import BatchResult
from inputgrad_cli.runs.tasks.load_tasks import LoadedItem
from inputgrad_cli.schema.journal_line import JournalLine

MAX_VALUES = 3 * MAX_PIXELS_TOGETHER  # in maps that are written, and so drawn, together


@dataclass(frozen=True)
class MapTask:
    """A computed map to be written: of which item, its fingerprint, and its attributions.

    `earlier_line` is the journal line of the map that has its name, if there is one. `scale_group`
    is the hash of the maps with which its pictures share a scale, if they do.
    """

    loaded: LoadedItem
    item_map: ItemMap
    fingerprint: str
    parts: Sequence[BatchAttribution]
    earlier_line: JournalLine | None = None
    scale_group: str | None = None

    @property
    def scale_key(self) -> tuple[str, str, str] | None:
        """Return what maps on one scale have in common, None for a map on its own scale."""
        spec = self.item_map.spec
        word = spec.target.rank_word
        return None if word is None else (self.item_map.item.name, spec.label, word)

    @property
    def error(self) -> ItemError | None:
        """Return the first error of the attributions, None if all were computed."""
        return next((part.error for part in self.parts if part.error), None)

    @property
    def value_count(self) -> int:
        """Return the number of values of the map or of its inputs, whichever is larger."""
        map_size = sum(array.size for part in self.parts for array in part.values.values())
        return max(map_size, sum(array.size for array in self.loaded.samples.arrays.values()))


@dataclass(frozen=True)
class WriteTask:
    """Maps that are written together, and what their records share.

    `seconds` is the computing time per sample.
    """

    maps: Sequence[MapTask]
    provenance: Provenance
    seconds: float


def yield_write_tasks(
    result: BatchResult, target_indices: Mapping[Target, int]
) -> Iterator[WriteTask]:
    """Yield the tasks of a batch.

    `target_indices` has the position of each target among all requested ones.
    """
    tasks = [
        MapTask(
            loaded,
            missing.item_map,
            missing.fingerprint,
            _select_parts(result, target_indices, missing.item_map, row),
            missing.earlier_line,
        )
        for row, loaded in enumerate(result.batch)
        for missing in loaded.todo
    ]
    for group in group_tasks(tasks):
        yield WriteTask(group, result.provenance, result.seconds)


def _select_parts(
    result: BatchResult, target_indices: Mapping[Target, int], item_map: ItemMap, row: int
) -> list[BatchAttribution]:
    """Return the attributions of one map of one item: all passes, or the item's own row.

    They are found by the target's index among all requested targets, because a target that
    comes from a file has another name once it is read.
    """
    label, target_index = item_map.spec.label, target_indices[item_map.spec.target]
    parts = [
        [attribution for attribution in attributions if attribution.request.label == label][
            target_index
        ]
        for attributions in result.passes
    ]
    # A file of many samples is a batch of its own; single samples share one pass.
    return parts if result.batch[row].fills_batch else [parts[0].select_row(row)]


def group_tasks(tasks: Sequence[MapTask]) -> Iterator[list[MapTask]]:
    """Yield the maps in groups; small ones of single samples are grouped to be drawn together.

    Maps of a group are in memory, so that reading a source of one cannot fail the others. Those on
    one scale are in one group.
    """
    group: list[MapTask] = []
    values = 0
    for task in tasks:
        key = task.scale_key
        is_on_scale = bool(group) and key is not None and key == group[-1].scale_key
        # A map of a file of many samples is otherwise a group of its own.
        is_full = task.loaded.fills_batch or values >= MAX_VALUES
        if group and is_full and not is_on_scale:
            yield group
            group, values = [], 0
        group.append(task)
        values += task.value_count
    if group:
        yield group

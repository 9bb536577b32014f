"""The items of a run, as tasks of loading, and what becomes of an item that is loaded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.readers import find_reader
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.runs.inputs.file_items import IndexedItem
from inputgrad_cli.runs.inputs.item import Item
from inputgrad_cli.runs.inputs.item_map_files import ItemMap, list_item_maps
from inputgrad_cli.schema.journal_line import JournalLine
from inputgrad_cli.storage.requested_maps import MapSpec


@dataclass(frozen=True)
class LoadTask:
    """An item to be loaded, its index among all items, and the maps that it should have.

    Each map comes with the journal line of the map that has its name, if there is one.
    """

    index: int
    item: Item
    maps: tuple[tuple[ItemMap, JournalLine | None], ...]


@dataclass(frozen=True)
class MissingMap:
    """A map to be computed, its fingerprint, and the journal line of the map that it replaces."""

    item_map: ItemMap
    fingerprint: str
    earlier_line: JournalLine | None = None

    @property
    def is_recomputed(self) -> bool:
        """Return whether the earlier map was made from another input or with other options."""
        line = self.earlier_line
        return line is not None and line.get("fingerprint", self.fingerprint) != self.fingerprint


@dataclass(frozen=True)
class LoadedItem:
    """An item that was read; `todo` are its missing maps.

    `targets` are the targets of each sample if they come from a file. `hashes` are the hashes of
    the item's files, by model input.
    """

    item: Item
    samples: Samples
    todo: tuple[MissingMap, ...]
    truth: Array | None = None
    targets: tuple[tuple[Target, ...], ...] | None = None
    hashes: Mapping[str | None, str] = field(default_factory=dict)

    @property
    def fills_batch(self) -> bool:
        """Return whether the item is a batch of its own, as a file of many samples is."""
        return self.samples.sample_count is not None

    @property
    def batch_key(self) -> tuple[object, ...]:
        """Return what items must have in common to share a batch."""
        shapes = tuple((name, a.shape[1:]) for name, a in self.samples.arrays.items())
        targets = None if self.fills_batch else self.targets
        specs = tuple(missing.item_map.spec for missing in self.todo)
        return shapes, specs, tuple(self.samples.preprocess), targets

    @property
    def is_recomputed(self) -> bool:
        """Return whether some of the maps replace others that an earlier run has made."""
        return any(missing.is_recomputed for missing in self.todo)


@dataclass(frozen=True)
class SkippedMap:
    """A map of an item that an earlier run has written."""

    item_map: ItemMap
    record: JournalLine


@dataclass(frozen=True)
class FailedItem:
    """An item that cannot be used, and the maps that are missing because of that."""

    item: Item
    error: ItemError
    maps: tuple[ItemMap, ...]


LoadResult = LoadedItem | SkippedMap | FailedItem


def yield_load_tasks(
    items: Iterable[IndexedItem],
    specs: Sequence[MapSpec],
    lines: Mapping[str, JournalLine],
    finished_stems: Set[str],
) -> Iterator[LoadTask]:
    """Yield a task for each item that has maps which this call has not reported yet.

    `lines` are those of the journal, by stem.
    """
    for index, item in items:
        if maps := tuple(
            (item_map, lines.get(item_map.stem))
            for item_map in list_item_maps(item, specs)
            if item_map.stem not in finished_stems
        ):
            yield LoadTask(index, item, maps)


def estimate_bytes(task: LoadTask) -> int:
    """Estimate how many bytes an item needs once it is loaded."""
    total = 0
    for path in task.item.paths.values():
        # An item that cannot be accessed fails when it is loaded.
        with contextlib.suppress(OSError, ValueError):
            total += path.stat().st_size * find_reader(path).bytes_factor
    return total

"""Loads items: reads their files, and skips maps that are finished."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.target_text import Target
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.read import open_file, read_samples
from inputgrad_cli.formats.readers import find_reader
from inputgrad_cli.formats.streaming.hashed_file import hash_content
from inputgrad_cli.interfaces.reader import ReadOptions
from inputgrad_cli.numeric.arrays import Array
from inputgrad_cli.runs.inputs.find_inputs import Item
from inputgrad_cli.runs.inputs.item_maps import ItemMap, list_item_maps
from inputgrad_cli.runs.inputs.target_file import TargetFile
from inputgrad_cli.runs.inputs.true_values import TrueValues
from inputgrad_cli.schema.records import JournalLine
from inputgrad_cli.storage.journal import Journal, compute_fingerprint
from inputgrad_cli.storage.map_specs import MapSpec
from inputgrad_cli.supervision.worker import WORKER


@dataclass(frozen=True)
class LoadedItem:
    """An item that was read; `todo` are its missing maps, with fingerprints.

    `targets` are the targets of each sample if they come from a file. `is_recomputed` means that
    an earlier run made some of the maps from another input or with other options. `hashes` are
    the hashes of the item's files, by model input.
    """

    item: Item
    samples: Samples
    todo: tuple[tuple[ItemMap, str], ...]
    truth: Array | None = None
    is_recomputed: bool = False
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
        specs = tuple(item_map.spec for item_map, _ in self.todo)
        return shapes, specs, tuple(self.samples.preprocess), targets


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


@dataclass(frozen=True)
class ItemAnnotations:
    """The true values of items, and the targets that single items have from a file."""

    true_values: TrueValues | None
    requested_targets: tuple[Target, ...]
    target_files: Mapping[Target, TargetFile]
    class_names: tuple[str, ...]
    masks: Mapping[str, Array]

    def get_truth(self, name: str, index: int, samples: int) -> Array | None:
        """Return the true values of an item, (samples, ...), None if none are given."""
        return self.true_values.get_values(name, index, samples) if self.true_values else None

    def get_targets(self, name: str, samples: int) -> tuple[tuple[Target, ...], ...] | None:
        """Return the targets of each sample, None if no file gives them."""
        if not self.target_files:
            return None
        columns = [
            self.target_files[target].get_targets(name, samples)
            if target in self.target_files
            else [target] * samples
            for target in self.requested_targets
        ]
        return tuple(zip(*columns, strict=True))

    def build_facts(self, name: str, index: int, target: Target) -> dict[str, object]:
        """Build the annotations that determine an item's arrays, for its fingerprint."""
        rows = (
            self.target_files[target].list_rows(name)
            if target in self.target_files
            else {"": target}
        )
        facts: dict[str, object] = {
            row: self._build_target_facts(row_target) for row, row_target in rows.items()
        }
        if self.true_values and any(row_target.needs_truth for row_target in rows.values()):
            facts["truth"] = self.true_values.list_values(name, index)
        return facts

    def _build_target_facts(self, target: Target) -> list[object]:
        mask = self.masks.get(target.path)
        mask_hash = None if mask is None else hashlib.sha256(mask.tobytes()).hexdigest()
        classes = [word.to_identity(self.class_names) for word in target.classes]
        return [target.text, classes, mask_hash, self._list_class_names(target)]

    def _list_class_names(self, target: Target) -> Sequence[str]:
        """Return the class names that may appear in the record but not in the target's text."""
        if target.kind in ("auto", "top"):
            return self.class_names
        indices = [word.index for word in target.classes if target.kind == "class"]
        return [
            self.class_names[index]
            for index in indices
            if index is not None and index < len(self.class_names)
        ]


class Loader:
    """Loads the items of a run; maps whose stems are in `finished_stems` are ignored."""

    def __init__(
        self,
        read_options: ReadOptions,
        maps: Sequence[MapSpec],
        journal: Journal,
        facts: dict[str, object],
        annotations: ItemAnnotations,
        finished_stems: Set[str] = frozenset(),
    ) -> None:
        self._read_options, self._maps, self._journal = read_options, maps, journal
        self._facts, self._annotations, self._finished_stems = facts, annotations, finished_stems

    def read(self, indexed_item: tuple[int, Item]) -> list[LoadResult]:
        """Read an item; return its skipped maps, then what remains to be explained."""
        index, item = indexed_item
        if maps := [
            item_map
            for item_map in list_item_maps(item, self._maps)
            if item_map.stem not in self._finished_stems
        ]:
            with WORKER.mark_under_way([item.name]):
                return list(self._read(index, item, maps))
        return []

    def _read(self, index: int, item: Item, maps: Sequence[ItemMap]) -> Iterator[LoadResult]:
        missing = list(maps)
        try:
            if item.error is not None:
                raise item.error
            files = {name: open_file(path) for name, path in item.paths.items()}
            hashes = {name: hash_content(data) for name, data in files.items()}
            content = {str(name): digest for name, digest in hashes.items()}
            todo = []
            for item_map in maps:
                fingerprint = self._compute_fingerprint((item.name, index), item_map.spec, content)
                record = self._journal.find_complete(item_map.stem, fingerprint)
                if record is None:  # not written yet, or from other inputs or options
                    todo.append((item_map, fingerprint))
                else:
                    missing.remove(item_map)
                    yield SkippedMap(item_map, record)
            if todo:
                samples = read_samples(files, item.paths, self._read_options)
                is_recomputed = any(
                    self._journal.has_other_fingerprint(item_map.stem, fingerprint)
                    for item_map, fingerprint in todo
                )
                truth = self._annotations.get_truth(item.name, index, len(samples))
                targets = self._annotations.get_targets(item.name, len(samples))
                yield LoadedItem(item, samples, tuple(todo), truth, is_recomputed, targets, hashes)
        except ItemError as error:
            yield FailedItem(item, error, tuple(missing))

    def _compute_fingerprint(
        self, item: tuple[str, int], spec: MapSpec, content: dict[str, str]
    ) -> str:
        map_facts = [spec.label, spec.parameters, spec.target.text]
        facts = {
            **self._facts,
            "map": map_facts,
            "content": content,
            "own": self._annotations.build_facts(*item, spec.target),
        }
        return compute_fingerprint(facts)


def estimate_bytes(indexed_item: tuple[int, Item]) -> int:
    """Estimate how many bytes an item needs once it is read."""
    total = 0
    for path in indexed_item[1].paths.values():
        with contextlib.suppress(OSError, ValueError):
            total += path.stat().st_size * find_reader(path).bytes_factor
    return total

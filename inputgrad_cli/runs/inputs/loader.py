"""From items to batches: reads files, passes over what is done, and puts samples together."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

import numpy as np

from inputgrad_cli.data.samples import Samples, together
from inputgrad_cli.data.target_text import Target
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.images.read_images import SUFFIXES as PICTURES
from inputgrad_cli.formats.read import Reading, open_file, read_samples
from inputgrad_cli.formats.streaming.hashed_file import hash_of
from inputgrad_cli.numeric.arrays import Array
from inputgrad_cli.numeric.ragged import run_of
from inputgrad_cli.prefetch import prefetch
from inputgrad_cli.runs.inputs.find_inputs import Item
from inputgrad_cli.runs.inputs.target_file import TargetFile
from inputgrad_cli.runs.inputs.true_values import Truth
from inputgrad_cli.schema.records import JournalLine
from inputgrad_cli.storage.file_names import Map
from inputgrad_cli.storage.journal import Journal, fingerprint
from inputgrad_cli.supervision.worker import WORKER

READERS = 1
MOST = 48  # files that are read, or are being read, before their turn


@dataclass(frozen=True)
class Load:
    """An item that was read: `todo` are its maps that are still to be made, with fingerprints.

    `targets` are those of each sample, where they come from a file. `again` says that an earlier
    run made some of the maps, of another input or with other options. `hashes` are those of the
    item's files, by model input.
    """

    item: Item
    samples: Samples
    todo: tuple[tuple[Map, str], ...]
    truth: Array | None = None
    again: bool = False
    targets: tuple[tuple[Target, ...], ...] | None = None
    hashes: Mapping[str | None, str] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[object, ...]:
        """Return what must be alike for items to travel in one batch."""
        shapes = tuple((name, a.shape[1:]) for name, a in self.samples.arrays.items())
        own = None if self.samples.many else self.targets
        return shapes, tuple(made for made, _ in self.todo), tuple(self.samples.preprocess), own


@dataclass(frozen=True)
class Skipped:
    """A map of an item that an earlier run has made."""

    item: Item
    made: Map
    record: JournalLine


@dataclass(frozen=True)
class Broken:
    """An item that cannot be used, and the maps that it therefore lacks."""

    item: Item
    error: ItemError
    maps: tuple[Map, ...]


@dataclass(frozen=True)
class Labels:
    """What is known of single items beside their files: true values, and targets of their own."""

    true_values: Truth | None
    asked: tuple[Target, ...]
    files: Mapping[Target, TargetFile]
    names: tuple[str, ...]
    masks: Mapping[str, Array]

    def truth(self, name: str, number: int, samples: int) -> Array | None:
        """Return the true values of an item, (samples, ...), None where none are given."""
        return self.true_values.of(name, number, samples) if self.true_values else None

    def targets(self, name: str, samples: int) -> tuple[tuple[Target, ...], ...] | None:
        """Return the targets of each sample, None where no file names them."""
        if not self.files:
            return None
        columns = [
            self.files[asked].of(name, samples) if asked in self.files else [asked] * samples
            for asked in self.asked
        ]
        return tuple(zip(*columns, strict=True))

    def deciding(self, name: str, number: int, target: Target) -> dict[str, object]:
        """Return what of this decides an item's arrays: classes by number, or by their names."""
        rows = self.files[target].rows(name) if target in self.files else {"": target}
        own: dict[str, object] = {row: self._facts(each) for row, each in rows.items()}
        if self.true_values and any(each.needs_truth for each in rows.values()):
            own["truth"] = self.true_values.written(name, number)
        return own

    def _facts(self, target: Target) -> list[object]:
        mask = self.masks.get(target.path)
        seen = None if mask is None else hashlib.sha256(mask.tobytes()).hexdigest()
        classes = [word.fact(self.names) for word in target.classes]
        return [target.asked, classes, seen, self._told(target)]

    def _told(self, target: Target) -> Sequence[str]:
        """Return the class names of which one will be told: a name by its number is in the text."""
        if target.kind in ("auto", "top"):
            return self.names
        numbers = [word.number for word in target.classes if target.kind == "class"]
        return [self.names[n] for n in numbers if n is not None and n < len(self.names)]


class Feed:
    """Reads the items of a run one by one; maps whose stems are in `over` are passed over."""

    def __init__(
        self,
        reading: Reading,
        maps: Sequence[Map],
        journal: Journal,
        facts: dict[str, object],
        labels: Labels,
        over: Set[str] = frozenset(),
    ) -> None:
        self._reading, self._maps, self._journal = reading, maps, journal
        self._facts, self._labels, self._over = facts, labels, over

    def read(self, number: int, item: Item) -> Iterator[Load | Skipped | Broken]:
        """Yield what there is of an item: what is skipped, then what is to be done."""
        if maps := [made for made in self._maps if made.stem(item.name) not in self._over]:
            with WORKER.at_work([item.name]):
                yield from self._read(number, item, maps)

    def _read(
        self, number: int, item: Item, maps: Sequence[Map]
    ) -> Iterator[Load | Skipped | Broken]:
        lacking = list(maps)
        try:
            if item.error is not None:
                raise item.error
            files = {name: open_file(path) for name, path in item.paths.items()}
            hashes = {name: hash_of(data) for name, data in files.items()}
            content = {str(name): mark for name, mark in hashes.items()}
            todo = []
            for made in maps:
                mark = self._mark((item.name, number), made, content)
                record = self._journal.holds(made.stem(item.name), mark)
                if record is None:
                    todo.append((made, mark))
                else:
                    lacking.remove(made)
                    yield Skipped(item, made, record)
            if todo:
                samples = read_samples(files, item.paths, self._reading)
                known = any(self._journal.differs(m.stem(item.name), mark) for m, mark in todo)
                truth = self._labels.truth(item.name, number, len(samples))
                targets = self._labels.targets(item.name, len(samples))
                yield Load(item, samples, tuple(todo), truth, known, targets, hashes)
        except ItemError as error:
            yield Broken(item, error, tuple(lacking))

    def batches(
        self, items: Sequence[tuple[int, Item]], size: int, stop: Callable[[], bool]
    ) -> Iterator[list[Load] | Skipped | Broken]:
        """Yield single samples of one shape together, at most `size`; files of many go alone.

        Files are read ahead by threads, so that no pass waits for a file.
        """
        batch: list[Load] = []
        threads = READERS if len(items) > 1 else 0
        read = prefetch(lambda one: list(self.read(*one)), items, threads, MOST, _weight)
        for found in read:
            if stop():
                return
            for got in found:
                if not isinstance(got, Load):
                    yield got
                    continue
                if batch and (got.samples.many or batch[0].shape != got.shape):
                    yield batch
                    batch = []
                batch.append(got)
                if got.samples.many or len(batch) == size:
                    yield batch
                    batch = []
        if batch:
            yield batch

    def _mark(self, item: tuple[str, int], made: Map, content: dict[str, str]) -> str:
        own = [made.label, made.parameters, made.target.asked]
        facts = {
            **self._facts,
            "map": own,
            "content": content,
            "own": self._labels.deciding(*item, made.target),
        }
        return fingerprint(facts)


def _weight(one: tuple[int, Item]) -> int:
    """Return about how many bytes an item takes once it is read: a photograph unpacks to 40."""
    total = 0
    for path in one[1].paths.values():
        with contextlib.suppress(OSError, ValueError):
            total += path.stat().st_size * (40 if path.suffix.lower() in PICTURES else 4)
    return total


@dataclass(frozen=True)
class Piece:
    """Samples that are explained in one go, with their true values and targets, if any."""

    samples: Samples
    truth: Array | None
    targets: tuple[Target, ...] | None


def pieces(batch: Sequence[Load], size: int) -> Iterator[Piece]:
    """Yield the samples of a batch that can be used, at most `size` at a time.

    Those of a piece have one target and one shape.
    """
    samples = together([load.samples for load in batch])
    truths = [load.truth for load in batch if load.truth is not None]
    truth = np.concatenate(truths) if truths else None
    good = [row for row in range(len(samples)) if row not in batch[0].samples.failed]
    own = batch[0].targets if batch[0].samples.many else None
    start = 0
    while start < len(good):
        rows = good[start : start + size]
        targets = own[rows[0]] if own else (batch[0].targets or (None,))[0]
        rows = rows[: next((n for n, row in enumerate(rows) if own and own[row] != targets), size)]
        rows = rows[: run_of(list(samples.arrays.values()), rows)]
        start += len(rows)
        yield Piece(samples.rows(rows), None if truth is None else truth[rows], targets)

"""From items to batches: reads files, passes over what is done, and puts samples together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inputgrad_cli.arrays import Array
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.files import read_bytes
from inputgrad_cli.formats.read import Reading, read_samples
from inputgrad_cli.jobs.items import Item
from inputgrad_cli.jobs.journal import Journal, fingerprint
from inputgrad_cli.jobs.naming import Map
from inputgrad_cli.sample import Samples, together


@dataclass(frozen=True)
class Load:
    """An item that was read: `todo` are its maps that are still to be made, with fingerprints.

    `again` says that an earlier run made some of them, of another input or with other options.
    """

    item: Item
    samples: Samples
    todo: tuple[tuple[Map, str], ...]
    truth: Array | None = None
    again: bool = False

    @property
    def shape(self) -> tuple[object, ...]:
        """Return what must be alike for items to travel in one batch."""
        shapes = tuple((name, a.shape[1:]) for name, a in self.samples.arrays.items())
        return shapes, tuple(made for made, _ in self.todo), tuple(self.samples.preprocess)


@dataclass(frozen=True)
class Skipped:
    """A map of an item that an earlier run has made."""

    item: Item
    made: Map
    record: dict[str, Any]


@dataclass(frozen=True)
class Broken:
    """An item that cannot be used."""

    item: Item
    error: ItemError


class Feed:
    """Reads the items of a run one by one."""

    def __init__(
        self,
        reading: Reading,
        maps: Sequence[Map],
        journal: Journal,
        facts: dict[str, object],
        truth: Callable[[str, int, int], Array] | None,
    ) -> None:
        self._reading, self._maps, self._journal = reading, maps, journal
        self._facts, self._truth = facts, truth

    def read(self, number: int, item: Item) -> Iterator[Load | Skipped | Broken]:
        """Yield what there is of an item: what is skipped, then what is to be done."""
        try:
            if item.error is not None:
                raise item.error
            files = {name: read_bytes(path) for name, path in item.paths.items()}
            content = {str(n): hashlib.sha256(data).hexdigest() for n, data in files.items()}
            todo = []
            for made in self._maps:
                mark = self._mark(made, content)
                record = self._journal.holds(made.stem(item.name), mark)
                if record is None:
                    todo.append((made, mark))
                else:
                    yield Skipped(item, made, record)
            if todo:
                samples = read_samples(files, item.paths, self._reading)
                labels = self._truth(item.name, number, len(samples)) if self._truth else None
                known = any(self._journal.files(made.stem(item.name)) for made, _ in todo)
                yield Load(item, samples, tuple(todo), labels, known)
        except ItemError as error:
            yield Broken(item, error)

    def batches(
        self, items: Sequence[Item], size: int, stop: Callable[[], bool]
    ) -> Iterator[list[Load] | Skipped | Broken]:
        """Yield single samples of one shape together, at most `size`; files of many go alone."""
        batch: list[Load] = []
        for number, item in enumerate(items):
            if stop():
                return
            for got in self.read(number, item):
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

    def _mark(self, made: Map, content: dict[str, str]) -> str:
        own = [made.label, made.parameters, made.target]
        return fingerprint({**self._facts, "map": own, "content": content})


def pieces(batch: Sequence[Load], size: int) -> Iterator[tuple[Samples, Array | None]]:
    """Yield the samples of a batch that can be used, with true values, in passes of `size`."""
    samples = together([load.samples for load in batch])
    truths = [load.truth for load in batch if load.truth is not None]
    truth = np.concatenate(truths) if truths else None
    good = [row for row in range(len(samples)) if row not in batch[0].samples.failed]
    for start in range(0, len(good), size):
        rows = good[start : start + size]
        whole = len(rows) == len(samples)
        yield (samples if whole else samples.rows(rows)), (None if truth is None else truth[rows])

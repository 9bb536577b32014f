"""The last step of a map: its files, its journal line, its events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from inputgrad_cli.data.attribution import Attribution
from inputgrad_cli.errors import ItemError
from inputgrad_cli.explanation.batch import Answer
from inputgrad_cli.explanation.item_record import Facts, attribution_of, failures_of
from inputgrad_cli.runs.diagnostics import item_warnings, map_warnings
from inputgrad_cli.runs.events import Event, ItemDone, failure
from inputgrad_cli.runs.inputs.find_inputs import Item
from inputgrad_cli.runs.inputs.loader import Load
from inputgrad_cli.runs.item_fields import done_fields, failed_fields, unmet
from inputgrad_cli.runs.pictures.map_pictures import PLACES
from inputgrad_cli.runs.writer import Output, Row, TakenError
from inputgrad_cli.schema.encoded_names import spoken
from inputgrad_cli.storage.file_names import Map, part_names

NUMBERS = 3 * PLACES  # of maps that are finished together: as many as are drawn at a time


@dataclass(frozen=True)
class Finished:
    """The journal line of a map, none where another's stays, and what there is to tell of it."""

    stem: str
    line: dict[str, Any]
    events: list[Event]


@dataclass(frozen=True)
class Work:
    """A map that is computed: the item's load, the map with its fingerprint, its answers."""

    load: Load
    made: Map
    mark: str
    parts: Sequence[Answer]

    @property
    def numbers(self) -> int:
        """Return how many numbers the map has, or the inputs that it is drawn over."""
        own = sum(array.size for part in self.parts for array in part.values.values())
        return max(own, sum(array.size for array in self.load.samples.arrays.values()))


def shares(works: Sequence[Work]) -> Iterator[list[Work]]:
    """Yield the maps in turn, small ones of single samples together: they are drawn at a time.

    Those that travel together are in memory, so that no source of one can fail the others.
    """
    share: list[Work] = []
    for work in works:
        if share and (work.load.samples.many or sum(w.numbers for w in share) >= NUMBERS):
            yield share
            share = []
        share.append(work)
    if share:
        yield share


def finish(
    works: Sequence[Work], output: Output, facts: Facts, seconds: float
) -> Iterator[Finished]:
    """Write the files of maps, and yield what there is to tell of each; StorageError.

    An item's own fault is told. `seconds` is what each sample took to compute.
    """
    if works[0].load.samples.uneven:
        yield from (finish_apart(work, output, facts, seconds) for work in works)
        return
    found = [_attribution(work, facts) for work in works]
    works = [_with_failures(work) for work in works]
    good = [
        (a, w.load.samples) for a, w in zip(found, works, strict=True) if isinstance(a, Attribution)
    ]
    pictures = output.pictures(good)
    for work, attribution in zip(works, found, strict=True):
        if isinstance(attribution, ItemError):
            yield _failed(work, attribution)
            continue
        try:
            drawn = list(islice(pictures, len(work.load.samples)))
            yield _written(work, attribution, drawn, output, seconds)
        except ItemError as error:
            yield _failed(work, error)


def finish_apart(work: Work, output: Output, facts: Facts, seconds: float) -> Finished:
    """Write the files of a map of samples of unequal shapes, each on its own; StorageError."""
    load, made, samples = work.load, work.made, work.load.samples
    if error := next((part.error for part in work.parts if part.error), None):
        return _failed(work, error)
    answers = [part.row(row) for part in work.parts for row in range(len(part.records))]
    good = [row for row in range(len(samples)) if row not in samples.failed]
    stem = made.stem(load.item.name)
    try:
        output.refuse_other_target(stem, made.target)
        maps = {
            row: attribution_of([answer], samples.single(row), facts)
            for row, answer in zip(good, answers, strict=True)
        }
        singles = [(attribution, samples.single(row)) for row, attribution in maps.items()]
        drawn = dict(zip(maps, output.pictures(singles), strict=True))
        files, pictures = output.write_apart(stem, maps, drawn, len(samples))
    except ItemError as error:
        return _failed(work, error)
    events: list[Event] = [*item_warnings(load)]
    for attribution in maps.values():
        events += map_warnings(load.item, made, attribution)
    for row, name in enumerate(part_names(stem, len(samples))):
        if failed := samples.failed.get(row):
            events.append(ItemDone(failed_fields(load.item, made, failure(failed), row)))
            continue
        arrays, picture = output.path(name), [pictures[row]]
        told = done_fields(load.item, made, maps[row], picture, arrays, None)
        events.append(ItemDone({**told, "sample": row, "seconds": round(seconds, 4)}))
    line = {**_line(work, events, any(pictures)), **output.style, "apart": True, "files": files}
    return Finished(stem, line, events)


def _attribution(work: Work, facts: Facts) -> Attribution | ItemError:
    if error := next((part.error for part in work.parts if part.error), None):
        return error
    try:
        return attribution_of(work.parts, work.load.samples, facts)
    except ItemError as error:
        return error


def _with_failures(work: Work) -> Work:
    """Return the work with the samples among the failed that have no map."""
    if any(part.error for part in work.parts):
        return work
    samples = work.load.samples
    failed = {**samples.failed, **failures_of(work.parts, samples)}
    return replace(work, load=replace(work.load, samples=replace(samples, failed=failed)))


def _failed(work: Work, error: ItemError) -> Finished:
    told = failure(error)
    event = ItemDone(failed_fields(work.load.item, work.made, told))
    line = failed_line(work.load.item, work.made, told)
    stem = work.made.stem(work.load.item.name)
    return Finished(stem, {} if isinstance(error, TakenError) else line, [event])


def _written(
    work: Work, attribution: Attribution, drawn: Sequence[Row], output: Output, seconds: float
) -> Finished:
    load, made = work.load, work.made
    files, pictures = output.write(load.item, made, attribution, load.samples, drawn)
    arrays = output.path(made.stem(load.item.name) + ".npz")
    events: list[Event] = [*item_warnings(load), *map_warnings(load.item, made, attribution)]
    events += _told(load, made, attribution, pictures, arrays, seconds)
    shapes = {site: list(array.shape) for site, array in attribution.values.items()}
    line = {**_line(work, events, any(pictures)), **output.style, "shapes": shapes, "files": files}
    return Finished(made.stem(load.item.name), line, events)


def _line(work: Work, events: Sequence[Event], drawn: bool) -> dict[str, Any]:
    """Return the journal line of a map that is written, but for its files."""
    samples = work.load.samples
    return {
        **_key(work.load.item, work.made, work.load.hashes),
        "status": "failed" if samples.failed else "ok",
        "samples": len(samples) if samples.many else None,
        "unmet": sum(_is_unmet(event) for event in events),
        "drawn": drawn,
        "fingerprint": work.mark,
    }


def _is_unmet(event: Event) -> bool:
    """Return whether a check of a sample does not hold."""
    if not isinstance(event, ItemDone) or event.status != "ok":
        return False
    return bool(unmet(event.fields["checks"]))


def _told(
    load: Load,
    made: Map,
    attribution: Attribution,
    pictures: Sequence[Sequence[str]],
    arrays: str,
    seconds: float,
) -> Iterator[Event]:
    samples = load.samples
    for row in range(len(samples)) if samples.many else [None]:
        if row is not None and (error := samples.failed.get(row)):
            yield ItemDone(failed_fields(load.item, made, failure(error), row))
        else:
            told = done_fields(load.item, made, attribution, pictures, arrays, row)
            yield ItemDone({**told, "seconds": round(seconds, 4)})


def failed_line(item: Item, made: Map, error: dict[str, str]) -> dict[str, Any]:
    """Return the journal line of a map that could not be made."""
    return {**_key(item, made, {}), "status": "failed", "error": error}


def _key(item: Item, made: Map, hashes: Mapping[str | None, str]) -> dict[str, Any]:
    """Return what a line begins with; `hashes` are those of the files that could be read."""
    sources = [
        {
            "for": name,
            **spoken("path", str(path)),
            **({"sha256": hashes[name]} if name in hashes else {}),
        }
        for name, path in item.paths.items()
    ]
    return {
        **spoken("stem", made.stem(item.name)),
        **spoken("input", item.name),
        "sources": sources,
        "method": made.label,
        "target": made.target.asked,
    }

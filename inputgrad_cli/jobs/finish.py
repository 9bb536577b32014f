"""The last step of a map: its files, its journal line, its events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from inputgrad_cli.attribution import Attribution
from inputgrad_cli.batch import Answer
from inputgrad_cli.errors import ItemError
from inputgrad_cli.jobs.events import Event, ItemDone, failure
from inputgrad_cli.jobs.feed import Load
from inputgrad_cli.jobs.fields import done_fields, failed_fields, unmet
from inputgrad_cli.jobs.items import Item
from inputgrad_cli.jobs.naming import Map
from inputgrad_cli.jobs.output import Output
from inputgrad_cli.jobs.spoken import spoken
from inputgrad_cli.jobs.warn import item_warnings, map_warnings
from inputgrad_cli.records import Facts, attribution_of


@dataclass(frozen=True)
class Finished:
    """The journal line of a map, and what there is to tell of it."""

    line: dict[str, Any]
    events: list[Event]


def finish(
    load: Load, made: Map, mark: str, parts: Sequence[Answer], output: Output, facts: Facts
) -> Finished:
    """Write the files of one map of one item. Raises StorageError; an item's own fault is told."""
    try:
        if error := next((part.error for part in parts if part.error), None):
            raise error
        attribution = attribution_of(parts, load.samples, facts)
        files, pictures = output.write(load.item, made, attribution, load.samples)
    except ItemError as error:
        told = failure(error)
        event = ItemDone(failed_fields(load.item, made, told))
        return Finished(failed_line(load.item, made, told), [event])
    arrays = output.arrays(load.item, made)
    events: list[Event] = [*item_warnings(load), *map_warnings(load.item, made, attribution)]
    events += _told(load, made, attribution, pictures, arrays)
    status = "failed" if load.samples.failed else "ok"
    line = {
        **_key(load.item, made),
        "status": status,
        "samples": len(load.samples) if load.samples.many else None,
        "unmet": sum(_is_unmet(event) for event in events),
        "drawn": any(pictures),
        "fingerprint": mark,
        "shapes": {site: list(array.shape) for site, array in attribution.values.items()},
        "files": files,
    }
    return Finished(line, events)


def timed(finished: Finished, seconds: float) -> Finished:
    """Return what was finished, its items with the seconds that each took to compute."""
    events = [
        ItemDone({**event.fields, "seconds": round(seconds, 4)})
        if isinstance(event, ItemDone) and event.status == "ok"
        else event
        for event in finished.events
    ]
    return replace(finished, events=events)


def _is_unmet(event: Event) -> bool:
    """Return whether a check of a sample does not hold."""
    if not isinstance(event, ItemDone) or event.status != "ok":
        return False
    return bool(unmet(event.fields["checks"]))


def _told(
    load: Load, made: Map, attribution: Attribution, pictures: Sequence[str | None], arrays: str
) -> Iterator[Event]:
    samples = load.samples
    if not samples.many:
        yield ItemDone(done_fields(load.item, made, attribution, pictures, arrays, None))
        return
    for row in range(len(samples)):
        if error := samples.failed.get(row):
            yield ItemDone(failed_fields(load.item, made, failure(error), row))
        else:
            yield ItemDone(done_fields(load.item, made, attribution, pictures, arrays, row))


def failed_line(item: Item, made: Map, error: dict[str, str]) -> dict[str, Any]:
    """Return the journal line of a map that could not be made."""
    return {**_key(item, made), "status": "failed", "error": error}


def _key(item: Item, made: Map) -> dict[str, Any]:
    return {
        **spoken("stem", made.stem(item.name)),
        **spoken("input", item.name),
        "sources": [
            {"for": name, **spoken("path", str(path))} for name, path in item.paths.items()
        ],
        "method": made.label,
        "target": made.target,
    }

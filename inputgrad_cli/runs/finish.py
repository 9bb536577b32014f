"""Writes computed maps, and builds their journal lines and events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from inputgrad_cli.data.map_record import MapRecord, RecordedMap
from inputgrad_cli.errors import ItemError
from inputgrad_cli.explanation.batch import BatchAttribution
from inputgrad_cli.explanation.item_record import Provenance, build_map, find_failures
from inputgrad_cli.runs.diagnostics import yield_item_warnings, yield_map_warnings
from inputgrad_cli.runs.events import Event, ItemEvent, to_error_fields
from inputgrad_cli.runs.inputs.item_maps import ItemMap
from inputgrad_cli.runs.inputs.loader import LoadedItem
from inputgrad_cli.runs.item_fields import build_done_fields, build_failed_fields, list_unmet_checks
from inputgrad_cli.runs.pictures.map_pictures import MAX_PIXELS_TOGETHER
from inputgrad_cli.runs.writer import OutputWriter, PictureRow, TakenError

MAX_VALUES = 3 * MAX_PIXELS_TOGETHER  # in maps that are written, and so drawn, together


@dataclass(frozen=True)
class WrittenMap:
    """The journal line and the events of a map; the line is empty if another map's line stays."""

    stem: str
    line: dict[str, Any]
    events: list[Event]


@dataclass(frozen=True)
class MapTask:
    """A computed map to be written: of which item, its fingerprint, and its attributions."""

    loaded: LoadedItem
    item_map: ItemMap
    fingerprint: str
    parts: Sequence[BatchAttribution]

    @property
    def value_count(self) -> int:
        """Return the number of values of the map or of its inputs, whichever is larger."""
        map_size = sum(array.size for part in self.parts for array in part.values.values())
        return max(map_size, sum(array.size for array in self.loaded.samples.arrays.values()))


def group_tasks(tasks: Sequence[MapTask]) -> Iterator[list[MapTask]]:
    """Yield the maps in groups; small ones of single samples are grouped to be drawn together.

    Maps of a group are in memory, so that reading a source of one cannot fail the others.
    """
    group: list[MapTask] = []
    for task in tasks:
        # A file of many samples is always a group of its own.
        if group and (
            task.loaded.fills_batch or sum(task.value_count for task in group) >= MAX_VALUES
        ):
            yield group
            group = []
        group.append(task)
    if group:
        yield group


def write_maps(
    tasks: Sequence[MapTask], output: OutputWriter, provenance: Provenance, seconds: float
) -> Iterator[WrittenMap]:
    """Write the files of maps, and yield the journal line and events of each.

    `seconds` is the computing time per sample. An item's own error becomes a failed map. Raises
    StorageError.
    """
    if tasks[0].loaded.samples.is_ragged:
        yield from (write_ragged_map(task, output, provenance, seconds) for task in tasks)
        return
    attributions = [_try_build_map(task, provenance) for task in tasks]
    tasks = [_add_failures(task) for task in tasks]
    usable = [
        (attribution, task.loaded.samples)
        for attribution, task in zip(attributions, tasks, strict=True)
        if isinstance(attribution, RecordedMap)
    ]
    pictures = output.draw_pictures(usable)  # lazily: drawn as the loop below takes them
    for task, attribution in zip(tasks, attributions, strict=True):
        if isinstance(attribution, ItemError):
            yield _build_failed_map(task, attribution)
            continue
        try:
            sample_pictures = list(islice(pictures, len(task.loaded.samples)))
            yield _write_map(task, attribution, sample_pictures, output, seconds)
        except ItemError as error:
            yield _build_failed_map(task, error)


def write_ragged_map(
    task: MapTask, output: OutputWriter, provenance: Provenance, seconds: float
) -> WrittenMap:
    """Write a map of ragged samples, one file per sample. Raises StorageError."""
    item_map, samples = task.item_map, task.loaded.samples
    if error := next((part.error for part in task.parts if part.error), None):
        return _build_failed_map(task, error)
    attributions = [part.select_row(row) for part in task.parts for row in range(len(part.records))]
    usable = [row for row in range(len(samples)) if row not in samples.failed]
    try:
        output.refuse_other_target(item_map)
        maps = {
            row: build_map([attribution], samples.extract_sample(row), provenance)
            for row, attribution in zip(usable, attributions, strict=True)
        }
        singles = [(attribution, samples.extract_sample(row)) for row, attribution in maps.items()]
        sample_pictures = dict(zip(maps, output.draw_pictures(singles), strict=True))
        files, pictures = output.write_ragged(item_map, maps, sample_pictures, len(samples))
    except ItemError as error:
        return _build_failed_map(task, error)
    events: list[Event] = [*yield_item_warnings(task.loaded)]
    for recorded in maps.values():
        events += yield_map_warnings(item_map.item, item_map.spec, recorded.record)
    for row, name in enumerate(item_map.files.list_arrays(len(samples))):
        if row_error := samples.failed.get(row):
            error_fields = to_error_fields(row_error)
            events.append(ItemEvent(build_failed_fields(item_map, error_fields, row)))
            continue
        fields = build_done_fields(
            item_map, maps[row].record, [pictures[row]], arrays=output.get_path(name), sample=None
        )
        events.append(ItemEvent({**fields, "sample": row, "seconds": round(seconds, 4)}))
    line = {
        **_build_line(task, events, any(pictures)),
        **output.style,
        "apart": True,
        "files": files,
    }
    return WrittenMap(item_map.stem, line, events)


def _try_build_map(task: MapTask, provenance: Provenance) -> RecordedMap | ItemError:
    if error := next((part.error for part in task.parts if part.error), None):
        return error
    try:
        return build_map(task.parts, task.loaded.samples, provenance)
    except ItemError as error:
        return error


def _add_failures(task: MapTask) -> MapTask:
    """Return the task with the samples that have no map counted as failed."""
    if any(part.error for part in task.parts):
        return task
    samples = task.loaded.samples
    failed = {**samples.failed, **find_failures(task.parts, samples)}
    return replace(task, loaded=replace(task.loaded, samples=replace(samples, failed=failed)))


def _build_failed_map(task: MapTask, error: ItemError) -> WrittenMap:
    fields = to_error_fields(error)
    event = ItemEvent(build_failed_fields(task.item_map, fields))
    line = build_failed_line(task.item_map, fields)
    # The journal keeps the line of the other map that has the name.
    return WrittenMap(task.item_map.stem, {} if isinstance(error, TakenError) else line, [event])


def _write_map(
    task: MapTask,
    recorded: RecordedMap,
    sample_pictures: Sequence[PictureRow],
    output: OutputWriter,
    seconds: float,
) -> WrittenMap:
    item_map = task.item_map
    files, pictures = output.write(item_map, recorded, task.loaded.samples, sample_pictures)
    events: list[Event] = [
        *yield_item_warnings(task.loaded),
        *yield_map_warnings(item_map.item, item_map.spec, recorded.record),
    ]
    arrays = output.get_path(item_map.files.arrays)
    events += _yield_item_events(task, recorded.record, pictures, arrays=arrays, seconds=seconds)
    shapes = {site: list(array.shape) for site, array in recorded.to_attribution().values.items()}
    line = {
        **_build_line(task, events, any(pictures)),
        **output.style,
        "shapes": shapes,
        "files": files,
    }
    return WrittenMap(item_map.stem, line, events)


def _build_line(task: MapTask, events: Sequence[Event], has_pictures: bool) -> dict[str, Any]:
    """Build the journal line of a written map, without its files."""
    samples = task.loaded.samples
    return {
        **_build_line_key(task.item_map, task.loaded.hashes),
        "status": "failed" if samples.failed else "ok",
        "samples": samples.sample_count,
        "unmet": sum(_is_unmet(event) for event in events),
        "drawn": has_pictures,
        "fingerprint": task.fingerprint,
    }


def _is_unmet(event: Event) -> bool:
    """Return whether a check of a sample does not hold."""
    if not isinstance(event, ItemEvent) or event.status != "ok":
        return False
    return bool(list_unmet_checks(event.fields["checks"]))


def _yield_item_events(
    task: MapTask,
    record: MapRecord,
    pictures: Sequence[Sequence[str]],
    *,
    arrays: str,
    seconds: float,
) -> Iterator[Event]:
    samples = task.loaded.samples
    for row in samples.row_labels:
        if row is not None and (error := samples.failed.get(row)):
            yield ItemEvent(build_failed_fields(task.item_map, to_error_fields(error), row))
        else:
            fields = build_done_fields(task.item_map, record, pictures, arrays=arrays, sample=row)
            yield ItemEvent({**fields, "seconds": round(seconds, 4)})


def build_failed_line(item_map: ItemMap, error: dict[str, str]) -> dict[str, Any]:
    """Build the journal line of a map that has failed."""
    return {**_build_line_key(item_map, {}), "status": "failed", "error": error}


def _build_line_key(item_map: ItemMap, hashes: Mapping[str | None, str]) -> dict[str, Any]:
    """Build the first fields of a line; `hashes` are those of the files that could be read."""
    sources = [
        {"for": name, **path, **({"sha256": hashes[name]} if name in hashes else {})}
        for name, path in item_map.item.encoded_paths.items()
    ]
    return {
        **item_map.files.encoded,
        **item_map.item.encoded_name,
        "sources": sources,
        "method": item_map.spec.label,
        "target": item_map.spec.target.text,
    }

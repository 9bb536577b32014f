"""Writes the files of computed maps, and builds their journal lines and events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.errors import ItemError
from inputgrad_cli.explanation.attribution_assembly import Provenance, build_map, find_failures
from inputgrad_cli.runs.item_event_fields import build_done_fields, build_failed_fields
from inputgrad_cli.runs.journal_line_builder import build_line
from inputgrad_cli.runs.map_file_writer import OutputWriter, PictureRow, PreparedMap
from inputgrad_cli.runs.optimization.result_pictures_and_tables import list_results
from inputgrad_cli.runs.pictures.scale_groups import hash_group, join_scales
from inputgrad_cli.runs.ragged_map_writing import write_ragged_map
from inputgrad_cli.runs.run_events import (
    MAX_PREVIEWS,
    Event,
    ItemEvent,
    RunWarning,
    to_error_fields,
)
from inputgrad_cli.runs.run_warnings import yield_item_warnings, yield_map_warnings
from inputgrad_cli.runs.strongest_features import yield_strongest
from inputgrad_cli.runs.tables.table_detection import is_named_after_table
from inputgrad_cli.runs.tasks.run_context import PROCESS
from inputgrad_cli.runs.tasks.write_tasks import MapTask, WriteTask
from inputgrad_cli.runs.written_maps import (
    SECONDS_DIGITS,
    WriteResult,
    WrittenMap,
    build_failed_map,
    build_preview_fields,
)
from inputgrad_cli.schema.file_names_in_json import decode_name
from inputgrad_cli.schema.json_type_alias import JsonObject
from inputgrad_cli.storage.map_file_names import is_picture
from inputgrad_cli.supervision.worker_state_reporting import WORKER


def write(task: WriteTask) -> WriteResult:
    """Write the files of maps. An item's own error becomes a failed map."""
    written_maps: list[WrittenMap] = []
    try:
        with WORKER.mark_under_way([map_task.loaded.item.name for map_task in task.maps]):
            for written_map in _write_maps(task):
                written_maps.append(written_map)
    except BaseException as error:
        # Returned, so that the maps before it are recorded before the error ends the run.
        return WriteResult(written_maps, error)
    return WriteResult(written_maps)


def _write_maps(write_task: WriteTask) -> Iterator[WrittenMap]:
    """Write the files of maps, and yield the journal line and events of each. StorageError."""
    tasks, output = write_task.maps, PROCESS.context.output
    provenance, seconds = write_task.provenance, write_task.seconds
    if tasks[0].loaded.samples.is_ragged:
        yield from (write_ragged_map(task, output, provenance, seconds) for task in tasks)
        return
    attributions = [_try_build_map(task, provenance) for task in tasks]
    tasks = [_add_failures(task) for task in tasks]
    tasks, attributions = _share_scales(tasks, attributions, output.picture_style)
    usable = [
        (attribution, task.loaded.samples)
        for attribution, task in zip(attributions, tasks, strict=True)
        if isinstance(attribution, RecordedMap)
    ]
    pictures = output.draw_pictures(usable)  # lazily: drawn as the loop below takes them
    prepared_maps = [
        _try_prepare_map(task, attribution, pictures, output)
        for task, attribution in zip(tasks, attributions, strict=True)
    ]
    output.reserve(p for p in prepared_maps if not isinstance(p, ItemError))
    for task, attribution, prepared in zip(tasks, attributions, prepared_maps, strict=True):
        if isinstance(prepared, ItemError):
            yield build_failed_map(task, prepared)
            continue
        assert isinstance(attribution, RecordedMap)  # its error would have been the prepared one
        try:
            yield _write_map(task, attribution, prepared, output, seconds)
        except ItemError as error:
            yield build_failed_map(task, error)


def _try_prepare_map(
    task: MapTask,
    recorded: RecordedMap | ItemError,
    pictures: Iterator[PictureRow],
    output: OutputWriter,
) -> PreparedMap | ItemError:
    if isinstance(recorded, ItemError):
        return recorded
    try:
        return output.prepare(
            task.item_map,
            recorded,
            task.loaded.samples,
            drawn=list(islice(pictures, len(task.loaded.samples))),
            earlier_line=task.earlier_line,
            frames=[frames for part in task.parts for frames in part.frames],
        )
    except ItemError as error:
        return error


def _share_scales(
    tasks: Sequence[MapTask],
    attributions: Sequence[RecordedMap | ItemError],
    style: Style | None,
) -> tuple[list[MapTask], list[RecordedMap | ItemError]]:
    """Return the maps with the scales of those that are drawn on one scale, and their tasks.

    Maps that were written before are not among them: what lacks one is drawn again in the end.
    """
    tasks, attributions = list(tasks), list(attributions)
    groups: dict[tuple[str, str, str], dict[int, RecordedMap]] = {}
    for index, (task, recorded) in enumerate(zip(tasks, attributions, strict=True)):
        key = task.scale_key
        if isinstance(recorded, RecordedMap) and key is not None and not recorded.record.is_search:
            groups.setdefault(key, {})[index] = recorded
    for group in groups.values():
        digest = hash_group({tasks[n].item_map.stem: tasks[n].fingerprint for n in group})
        if digest is None or style is None or style.scale == "run":
            continue
        scales = join_scales(((0, each.show_as(style.show)) for each in group.values()), style)
        for index, recorded in group.items():
            attributions[index] = replace(recorded, scales=scales)
            tasks[index] = replace(tasks[index], scale_group=digest)
    return tasks, attributions


def _try_build_map(task: MapTask, provenance: Provenance) -> RecordedMap | ItemError:
    if error := task.error:
        return error
    try:
        return build_map(task.parts, task.loaded.samples, provenance)
    except ItemError as error:
        return error


def _add_failures(task: MapTask) -> MapTask:
    """Return the task with the samples that have no map counted as failed."""
    if task.error:
        return task
    samples = task.loaded.samples
    failed = {**samples.failed, **find_failures(task.parts, samples)}
    return replace(task, loaded=replace(task.loaded, samples=replace(samples, failed=failed)))


def _write_map(
    task: MapTask,
    recorded: RecordedMap,
    prepared: PreparedMap,
    output: OutputWriter,
    seconds: float,
) -> WrittenMap:
    item_map = task.item_map
    files, pictures = output.write(prepared)
    events: list[Event] = [
        *yield_item_warnings(task.loaded),
        *yield_map_warnings(item_map.item, item_map.spec, recorded.record),
    ]
    if reason := output.explain_refusal(recorded):
        message = f"{item_map.spec.label}: {reason}"
        events.append(RunWarning("picture-kind", message, item_map.item.name))
    events += _yield_item_events(task, recorded, pictures, output=output, seconds=seconds)
    shapes = {site: list(array.shape) for site, array in recorded.file_values.items()}
    line = {
        **build_line(task, events, _has_picture(files) or output.is_drawn_later(recorded)),
        **output.style,
        "shapes": shapes,
        "files": files,
    }
    limited = output.list_limited_kinds([recorded], len(task.loaded.samples))
    return WrittenMap(item_map.stem, line, events, limited)


def _has_picture(files: Sequence[JsonObject]) -> bool:
    return any(is_picture(decode_name(file, "path")) for file in files)


def _yield_item_events(
    task: MapTask,
    recorded: RecordedMap,
    pictures: Sequence[Sequence[str]],
    *,
    output: OutputWriter,
    seconds: float,
) -> Iterator[Event]:
    samples, files = task.loaded.samples, task.item_map.files
    arrays = output.get_path(files.arrays)
    has_table = is_named_after_table(task.item_map.item, samples)
    results = list_results(files, recorded, samples, is_table=has_table)
    strongest = yield_strongest(recorded, samples.header)
    for row, parts in zip(samples.row_labels, strongest, strict=True):
        if row is not None and (error := samples.failed.get(row)):
            yield ItemEvent(build_failed_fields(task.item_map, to_error_fields(error), row))
        else:
            fields = build_done_fields(
                task.item_map,
                recorded.record,
                pictures,
                arrays=arrays,
                sample=row,
                results=[output.get_path(name) for name in results[row or 0]],
                strongest=parts,
            )
            if (row or 0) < MAX_PREVIEWS:
                fields |= build_preview_fields(recorded, samples, row or 0)
            yield ItemEvent({**fields, "seconds": round(seconds, SECONDS_DIGITS)})

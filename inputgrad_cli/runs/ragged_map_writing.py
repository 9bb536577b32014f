"""Writes a map whose samples have unequal shapes: a file for each sample."""

from __future__ import annotations

from inputgrad_cli.data.samples import Samples
from inputgrad_cli.errors import ItemError
from inputgrad_cli.explanation.attribution_assembly import Provenance, build_map
from inputgrad_cli.runs.item_event_fields import build_done_fields, build_failed_fields
from inputgrad_cli.runs.journal_line_builder import build_line
from inputgrad_cli.runs.map_file_writer import OutputWriter
from inputgrad_cli.runs.run_events import MAX_PREVIEWS, Event, ItemEvent, to_error_fields
from inputgrad_cli.runs.run_warnings import yield_item_warnings, yield_map_warnings
from inputgrad_cli.runs.strongest_features import find_strongest
from inputgrad_cli.runs.tasks.write_tasks import MapTask
from inputgrad_cli.runs.written_maps import (
    SECONDS_DIGITS,
    WrittenMap,
    build_failed_map,
    build_preview_fields,
)


def write_ragged_map(
    task: MapTask, output: OutputWriter, provenance: Provenance, seconds: float
) -> WrittenMap:
    """Write a map of ragged samples, one file per sample. Raises StorageError."""
    item_map, samples = task.item_map, task.loaded.samples
    if error := task.error:
        return build_failed_map(task, error)
    attributions = [part.select_row(row) for part in task.parts for row in range(len(part.records))]
    try:
        output.refuse_other_target(item_map, task.earlier_line)
        maps = {
            row: build_map([attribution], samples.extract_sample(row), provenance)
            for row, attribution in zip(samples.usable_rows, attributions, strict=True)
        }
        singles = [(attribution, samples.extract_sample(row)) for row, attribution in maps.items()]
        sample_pictures = dict(zip(maps, output.draw_pictures(singles, len(samples)), strict=True))
        prepared = output.prepare_ragged(item_map, maps, sample_pictures, total=len(samples))
        output.reserve([prepared])
        files, pictures = output.write(prepared)
    except ItemError as error:
        return build_failed_map(task, error)
    events: list[Event] = [*yield_item_warnings(task.loaded)]
    for recorded in maps.values():
        events += yield_map_warnings(item_map.item, item_map.spec, recorded.record)
    for row, name in enumerate(item_map.files.list_arrays(len(samples))):
        if row_error := samples.failed.get(row):
            error_fields = to_error_fields(row_error)
            events.append(ItemEvent(build_failed_fields(item_map, error_fields, row)))
            continue
        fields = build_done_fields(
            item_map,
            maps[row].record,
            [pictures[row]],
            arrays=output.get_path(name),
            sample=None,
            strongest=find_strongest(maps[row], 0),
        )
        if row < MAX_PREVIEWS:
            fields |= build_preview_fields(maps[row], Samples({}), 0)
        events.append(
            ItemEvent({**fields, "sample": row, "seconds": round(seconds, SECONDS_DIGITS)})
        )
    line = {
        **build_line(task, events, any(pictures) or any(map(output.is_drawn_later, maps.values()))),
        **output.style,
        # The samples have unequal shapes, so that each has a file of its own.
        "apart": True,
        "files": files,
    }
    limited = output.list_limited_kinds(maps.values(), len(samples))
    return WrittenMap(item_map.stem, line, events, limited)

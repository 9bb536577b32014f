"""What became of maps that were written: their journal lines and events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.errors import ItemError
from inputgrad_cli.runs.item_event_fields import build_failed_fields
from inputgrad_cli.runs.journal_line_builder import build_failed_line
from inputgrad_cli.runs.map_file_writer import TakenError
from inputgrad_cli.runs.run_events import PREVIEW, Event, ItemEvent, to_error_fields
from inputgrad_cli.runs.tables.terminal_preview import build_preview_table
from inputgrad_cli.runs.tasks.run_context import PROCESS
from inputgrad_cli.runs.tasks.write_tasks import MapTask
from inputgrad_cli.schema.json_type_alias import JsonObject

SECONDS_DIGITS = 4  # decimals of the time that a sample has taken: a tenth of a millisecond


@dataclass(frozen=True)
class WrittenMap:
    """The journal line and the events of a map.

    The line is empty if the journal must keep that of another map with the same name. `limited`
    are the kinds of pictures that its file has too many samples for.
    """

    stem: str
    line: JsonObject
    events: list[Event]
    limited: tuple[str, ...] = ()


@dataclass(frozen=True)
class WriteResult:
    """The maps that were written, and the error that ended the writing of the others, or None."""

    maps: Sequence[WrittenMap]
    error: BaseException | None = None


def join_results(results: Sequence[WriteResult]) -> WriteResult:
    """Return the results of the tasks of a batch as one, with the first error."""
    written_maps = [written_map for result in results for written_map in result.maps]
    return WriteResult(written_maps, next((r.error for r in results if r.error), None))


def build_failed_map(task: MapTask, error: ItemError) -> WrittenMap:
    """Return the line and the event of a map that an error of its item has ended."""
    fields = to_error_fields(error)
    event = ItemEvent(build_failed_fields(task.item_map, fields))
    line = build_failed_line(task.item_map, fields)
    # The journal keeps the line of the other map that has the name.
    return WrittenMap(task.item_map.stem, {} if isinstance(error, TakenError) else line, [event])


def build_preview_fields(recorded: RecordedMap, samples: Samples, row: int) -> JsonObject:
    """Return the field of what a terminal shows of a sample, if that is asked for."""
    is_asked = PROCESS.context.plan.options.preview
    table = build_preview_table(recorded, samples, row) if is_asked else {}
    return {PREVIEW: table} if table else {}

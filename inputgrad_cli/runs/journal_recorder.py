"""Records what became of items: writes the lines of the journal, and returns the events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inputgrad_cli.errors import StorageError
from inputgrad_cli.runs.item_event_fields import build_failed_fields, build_skipped_fields
from inputgrad_cli.runs.journal_line_builder import build_failed_line
from inputgrad_cli.runs.pictures.style_change_redrawing import PictureUpdater
from inputgrad_cli.runs.run_events import Event, ItemEvent, to_error_fields
from inputgrad_cli.runs.tasks.load_tasks import FailedItem, SkippedMap
from inputgrad_cli.runs.written_maps import WriteResult, WrittenMap
from inputgrad_cli.storage.atomic_write import sync_folder
from inputgrad_cli.storage.journal import Journal
from inputgrad_cli.supervision.worker_state_reporting import WORKER


@dataclass(frozen=True)
class Recorded:
    """The events of maps that are recorded, their stems, and how many of their checks fail."""

    events: Sequence[Event]
    stems: Sequence[str]
    unmet: int = 0


class Recorder:
    """Records maps in the run's directory `out`; nothing else adds lines for them."""

    def __init__(self, out: Path, journal: Journal, pictures: PictureUpdater) -> None:
        self._out, self._journal, self._pictures = out, journal, pictures

    def record(self, outcome: WriteResult | FailedItem | SkippedMap) -> Recorded:
        """Record what became of maps. Raises StorageError, or the error that came before it."""
        if isinstance(outcome, WriteResult):
            return self._record_written(outcome)
        if isinstance(outcome, FailedItem):
            return self._record_failed(outcome)
        return self._record_skipped(outcome)

    def _record_written(self, result: WriteResult) -> Recorded:
        try:
            self._write_lines(result.maps)
        except StorageError as storage_error:
            raise result.error or storage_error from None  # the first error is reported
        return Recorded(
            [event for written_map in result.maps for event in written_map.events],
            [written_map.stem for written_map in result.maps],
            sum(written_map.line.get("unmet", 0) for written_map in result.maps),
        )

    def _write_lines(self, written_maps: Sequence[WrittenMap]) -> None:
        """Write the journal lines of maps whose files are written."""
        stems = [written_map.stem for written_map in written_maps if written_map.line.get("files")]
        # The files must be on disk before the journal says so.
        for folder in {(self._out / stem).parent for stem in stems}:
            sync_folder(folder)
        self._journal.add([written_map.line for written_map in written_maps if written_map.line])
        # The parent ends the call after several deaths in a row without any progress.
        if WORKER.page:
            WORKER.page.done += len(stems)

    def _record_failed(self, failed_item: FailedItem) -> Recorded:
        error_fields, maps = to_error_fields(failed_item.error), failed_item.maps
        self._journal.add([build_failed_line(item_map, error_fields) for item_map in maps])
        events = [ItemEvent(build_failed_fields(item_map, error_fields)) for item_map in maps]
        return Recorded(events, [item_map.stem for item_map in maps])

    def _record_skipped(self, skipped: SkippedMap) -> Recorded:
        """Return the events of a map that exists; its pictures are redrawn if they must be."""
        item_map, samples = skipped.item_map, skipped.record["samples"]
        with WORKER.mark_under_way([item_map.item.name]):
            error = self._pictures.update_skipped(skipped)
        events: list[Event] = []
        for sample in [None] if samples is None else range(samples):
            fields = build_skipped_fields(item_map, sample)
            if error is not None:
                fields = build_failed_fields(item_map, to_error_fields(error), sample)
            events.append(ItemEvent(fields))
        return Recorded(events, [item_map.stem], skipped.record["unmet"])

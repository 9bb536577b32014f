"""Redraws the pictures of an earlier run's maps if another style is requested now."""

from __future__ import annotations

from inputgrad_cli.data.picture_style import Style
from inputgrad_cli.errors import ItemError
from inputgrad_cli.interfaces.reader import ReadOptions
from inputgrad_cli.runs.load_tasks import SkippedMap
from inputgrad_cli.runs.pictures.render import RedrawOptions, redraw, redraw_map
from inputgrad_cli.runs.planning.options import RunOptions
from inputgrad_cli.runs.planning.plan import Plan
from inputgrad_cli.runs.run_record import note_pictures
from inputgrad_cli.schema.journal_line import JournalLine
from inputgrad_cli.storage.journal import Journal
from inputgrad_cli.storage.run_directory import RunDirectory, StoredMap
from inputgrad_cli.storage.stored_inputs import read_files


class PictureUpdater:
    """Updates the pictures of a directory to the requested style; `count` were drawn so far."""

    def __init__(self, plan: Plan, journal: Journal, reading: ReadOptions) -> None:
        self._options: RunOptions = plan.options
        self._directory = RunDirectory(plan.options.out, {}, journal)  # of this run, in progress
        self._reading = reading
        self._maps = {(has_maps.label, has_maps.target.text) for has_maps in plan.maps}
        self.count = 0

    def update_skipped(self, skipped_map: SkippedMap) -> ItemError | None:
        """Redraw a skipped map if its style differs; return the error if a picture fails."""
        style = self._options.style
        if style is None or style.scale == "run":
            return None  # a shared scale is computed after all maps are written
        # The files of this call have the recorded content, but maybe other names.
        stored, item = StoredMap(self._directory, skipped_map.record), skipped_map.item_map.item
        if not stored.is_due(style):
            return None
        redrawn = redraw_map(stored, style, lambda _: read_files(item.paths, self._reading))
        self.count += sum(picture.name is not None for picture in redrawn)
        return next((picture.error for picture in redrawn if picture.error), None)

    def finish(self, stopped: bool) -> None:
        """Redraw pictures that share a scale, and record the picture options."""
        style = self._options.style
        if style is None:
            return
        stored_maps = self._directory.yield_maps(self._is_asked)
        has_maps = any(stored.line.get("files") for stored in stored_maps)
        if style.scale == "run" and has_maps and not stopped:
            self._share_scale(style)
        note_pictures(self._options)

    def _share_scale(self, style: Style) -> None:
        options = RedrawOptions(lambda old_style: style, changed=True, is_selected=self._is_asked)
        directory = RunDirectory.open(self._options.out)
        self.count += sum(picture.name is not None for picture in redraw(directory, options))

    def _is_asked(self, record: JournalLine) -> bool:
        return (record["method"], record["target"]) in self._maps

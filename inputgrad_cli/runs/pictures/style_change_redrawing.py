"""Redraws the pictures of an earlier run's maps if another style is requested now."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.errors import ItemError
from inputgrad_cli.interfaces.reader import ReadOptions
from inputgrad_cli.runs.pictures.outdated_grid_drawing import GridOptions, is_per_item, update_grids
from inputgrad_cli.runs.pictures.picture_redrawing import RedrawOptions, redraw, redraw_map
from inputgrad_cli.runs.pictures.run_wide_scale import find_rank_word
from inputgrad_cli.runs.pictures.scale_groups import group_maps
from inputgrad_cli.runs.pictures.stored_picture_data import InputReader, choose_stored_reader
from inputgrad_cli.runs.planning.run_options import RunOptions
from inputgrad_cli.runs.planning.run_plan import Plan
from inputgrad_cli.runs.run_json_writing import note_pictures
from inputgrad_cli.runs.tasks.load_tasks import SkippedMap
from inputgrad_cli.schema.file_names_in_json import decode_name
from inputgrad_cli.schema.journal_line import JournalLine
from inputgrad_cli.storage.input_rereading import read_files
from inputgrad_cli.storage.journal import Journal
from inputgrad_cli.storage.recorded_input_files import refuse_changed
from inputgrad_cli.storage.run_directory import RunDirectory, StoredMap
from inputgrad_cli.storage.run_json_files import read_existing_runs
from inputgrad_cli.storage.shard_file_names import to_tag
from inputgrad_cli.storage.stored_picture_style import read_style

TILES = b'"tiles"'  # the key of a line with a picture of all maps of an item


class PictureUpdater:
    """Updates the pictures of a directory to the requested style.

    `count` were drawn again so far, and `grid_count` show all maps of an item.
    """

    def __init__(self, plan: Plan, journal: Journal, reading: ReadOptions) -> None:
        self._options: RunOptions = plan.options
        self._directory = RunDirectory(plan.options.out, {}, journal)  # of this run, in progress
        self._reading = reading
        self._maps = {(has_maps.label, has_maps.target.text) for has_maps in plan.maps}
        # The pictures of searches show more than a map, each on a scale of its own.
        specs = [] if plan.goals else plan.maps
        targets = ((spec.label, spec.target.rank_word) for spec in specs)
        self._rank_words = {(label, word) for label, word in targets if word is not None}
        self._plan = plan
        self.count = self.grid_count = 0

    def update_skipped(self, skipped_map: SkippedMap) -> ItemError | None:
        """Redraw a skipped map if its style differs; return the error if a picture fails."""
        style = self._options.style
        if style is None or style.scale == "run" or self._is_ranked(skipped_map.record):
            return None  # a shared scale is computed after all maps are written
        # The files of this call have the recorded content, but maybe other names.
        stored, item = StoredMap(self._directory, skipped_map.record), skipped_map.item_map.item
        if not stored.is_due(style):
            return None
        redrawn = redraw_map(stored, style, lambda _: read_files(item.paths, self._reading))
        self.count += sum(picture.name is not None for picture in redrawn)
        return next((picture.error for picture in redrawn if picture.error), None)

    def finish(self, should_stop: Callable[[], bool]) -> list[tuple[JournalLine, ItemError]]:
        """Redraw pictures that share a scale or all maps of an item; record the picture options.

        Returns the pictures that cannot be drawn, each with the line of the map that has it.
        """
        style, stopped = self._options.style, should_stop()
        stored_maps = self._directory.yield_maps(self._is_asked)
        has_maps = any(stored.line.get("files") for stored in stored_maps)
        if style is not None and style.scale == "run" and has_maps and not stopped:
            self._share_scale(style)
        failed: list[tuple[JournalLine, ItemError]] = []
        if style is not None and style.scale == "item" and self._rank_words and not stopped:
            failed += self._update_groups(style, should_stop)
        if not stopped and self._should_draw_grids():
            failed += self._update_grids(should_stop)
        if style is not None:
            note_pictures(self._options)
        return failed

    def _should_draw_grids(self) -> bool:
        """Return whether pictures of all maps of an item are asked for, or there from before."""
        return is_per_item(self._options.style) or self._directory.journal.lines.has_text(TILES)

    def _update_grids(self, should_stop: Callable[[], bool]) -> list[tuple[JournalLine, ItemError]]:
        options, shard = self._options, self._options.shard
        directory = self._whole_directory
        grid_options = GridOptions(
            options.style if is_per_item(options.style) else None,
            overwrite=options.on_exists == "overwrite",
            has_item=shard.has_item if shard else lambda item: True,
            is_asked=self._is_asked,
            should_stop=should_stop,
            choose_reader=self._choose_reader,
        )
        drawn = list(update_grids(directory, grid_options))
        self.grid_count += sum(picture.name is not None for picture in drawn)
        lines = directory.journal.lines
        return [(lines[p.stem], p.error) for p in drawn if p.error is not None]

    def _update_groups(
        self, style: Style, should_stop: Callable[[], bool]
    ) -> list[tuple[JournalLine, ItemError]]:
        """Draw the maps of top classes again whose pictures have not the scale of their group."""
        directory = self._whole_directory
        maps = (m for m in directory.yield_maps(self._is_ranked) if self._has_item(m.line))
        groups = group_maps(directory, ((m, self._choose_style(m, style)) for m in maps))
        failed: list[tuple[JournalLine, ItemError]] = []
        for stem, group in groups.items():
            if should_stop():
                break
            stored = directory.get_map(stem)
            if not group.is_due(stored):
                continue
            reader = self._choose_reader(stored, group.style)
            drawn = redraw_map(stored, group.style, reader, group=group)
            self.count += sum(picture.name is not None for picture in drawn)
            failed += [(stored.line, p.error) for p in drawn if p.error is not None]
        return failed

    def _is_ranked(self, line: JournalLine) -> bool:
        """Return whether a map is one of `top:K` of this call, or of one with another K."""
        return (line["method"], find_rank_word(line["target"])) in self._rank_words

    def _has_item(self, line: JournalLine) -> bool:
        return decode_name(line, "input") in self._indices

    def _choose_style(self, stored: StoredMap, asked: Style) -> Style | None:
        """Return the style of the pictures of a map: the one that is asked for, or its own."""
        return asked if self._is_asked(stored.line) else stored.style

    @cached_property
    def _indices(self) -> dict[str, int]:
        """Return the index of each item by its name; few pictures need it."""
        return {item.name: index for index, item in self._plan.share}

    @cached_property
    def _whole_directory(self) -> RunDirectory:
        """Return the directory of this run, read again with the records of all runs in it."""
        out, shard = self._options.out, self._options.shard
        journal = Journal(out, tag=to_tag(shard), invalid=[])
        return RunDirectory(out, read_existing_runs(out), journal)

    def _choose_reader(self, stored: StoredMap, style: Style) -> InputReader:
        """Return how the inputs of a map are read: those of this call from where they are now."""
        index = self._indices.get(decode_name(stored.line, "input"))
        # Maps of earlier calls may have been read with another --resize, for example.
        if index is None or not self._is_asked(stored.line):
            return choose_stored_reader(stored, style)
        item = self._plan.inputs.items[index]

        def read(_: RecordedMap) -> Samples:
            refuse_changed(stored.line, item.paths)
            return read_files(item.paths, self._reading)

        return read

    def _share_scale(self, style: Style) -> None:
        def is_selected(line: JournalLine) -> bool:
            has_style = read_style(line, None) == style
            return self._is_asked(line) or (self._is_ranked(line) and has_style)

        options = RedrawOptions(lambda old_style: style, changed=True, is_selected=is_selected)
        directory = RunDirectory.open(self._options.out)
        self.count += sum(picture.name is not None for picture in redraw(directory, options))

    def _is_asked(self, record: JournalLine) -> bool:
        return (record["method"], record["target"]) in self._maps

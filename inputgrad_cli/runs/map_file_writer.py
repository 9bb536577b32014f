"""Writes the files of a map: arrays, tables and pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.target_parser import is_same_target
from inputgrad_cli.errors import ItemError
from inputgrad_cli.explanation.batch_attribution import Frames
from inputgrad_cli.runs.inputs.item_map_files import ItemMap
from inputgrad_cli.runs.large_array_writing import has_content, is_large, to_npz
from inputgrad_cli.runs.optimization.result_pictures_and_tables import build_search_files
from inputgrad_cli.runs.pictures.drawable_sites import (
    list_limited_kinds,
    list_own_sites,
    list_shared_sites,
)
from inputgrad_cli.runs.pictures.map_pictures import (
    PictureFiles,
    draw_later,
    draw_pictures,
    explain_refusal,
)
from inputgrad_cli.runs.pictures.styled_picture_data import build_styled_source
from inputgrad_cli.runs.tables.attribution_table import build_attribution_table
from inputgrad_cli.runs.tables.global_importance_files import build_summary_files
from inputgrad_cli.runs.tables.table_detection import (
    is_named_after_table,
    is_table,
    list_inputs_beside,
)
from inputgrad_cli.runs.tables.token_tables import build_token_tables
from inputgrad_cli.schema.journal_line import JournalLine, StyleRecord
from inputgrad_cli.schema.json_type_alias import JsonObject
from inputgrad_cli.storage.atomic_write import (
    Bytes,
    WriteFunction,
    refuse_links,
    to_prefix,
    write_atomically,
)
from inputgrad_cli.storage.journal import OwnFiles, describe_file
from inputgrad_cli.storage.map_file_names import PICTURE
from inputgrad_cli.storage.pending_files import PendingFiles
from inputgrad_cli.storage.picture_names import PictureNames
from inputgrad_cli.storage.safe_run_paths import build_foreign_error, find_file

# The files of the pictures of one sample: by site that is drawn, then by ending.
PictureRow = Mapping[str, PictureFiles | None]


class TakenError(ItemError):
    """The destination and the journal have a map of another target; both are left unchanged."""


@dataclass(frozen=True)
class PreparedMap:
    """The files of a map that may be written, and those of the pictures of each sample, by name."""

    files: Mapping[str, Bytes | WriteFunction]
    pictures: Sequence[Mapping[str, Bytes | WriteFunction]]


@dataclass(frozen=True)
class OutputWriter:
    """Writes maps into the output directory of a run: prepared, reserved, then written.

    `picture_style` is None if no pictures are drawn. Only files of a run are replaced, unless
    `overwrite` is true.
    """

    out: Path
    picture_style: Style | None
    overwrite: bool
    own_files: OwnFiles
    pending: PendingFiles

    @cached_property
    def _prefix(self) -> str:
        return to_prefix(self.out)

    @property
    def style(self) -> dict[str, StyleRecord]:
        """Return the picture style for a journal line, empty if no pictures are drawn."""
        return {} if self.picture_style is None else {"style": self.picture_style.record()}

    def get_path(self, name: str) -> str:
        """Return the path of a file in the output directory."""
        return self._prefix + name

    def explain_refusal(self, recorded: RecordedMap) -> str:
        """Return why a map is drawn as another kind than was asked for, if it must be told."""
        style = self.picture_style
        return "" if style is None else explain_refusal(recorded.show_as(style.show), style)

    def list_limited_kinds(self, maps: Iterable[RecordedMap], count: int) -> tuple[str, ...]:
        """Return the kinds of pictures that are left out because the item has too many samples."""
        style = self.picture_style
        if style is None:
            return ()
        shown = (recorded.show_as(style.show) for recorded in maps)
        kinds = (kind for recorded in shown for kind in list_limited_kinds(recorded, style, count))
        return tuple(dict.fromkeys(kinds))

    def draw_pictures(
        self, maps: Sequence[tuple[RecordedMap, Samples]], count: int | None = None
    ) -> Iterator[PictureRow]:
        """Yield the pictures of each sample of the maps, in order; small ones are drawn together.

        Those of a large map are drawn when they are written, because all at once would need too
        much memory. The pictures of a failed sample are None. `count` is the number of samples of
        the item if each map is that of one of them.
        """
        style = self.picture_style
        if style is not None:
            maps = [(recorded.show_as(style.show), samples) for recorded, samples in maps]
        sites = [
            [] if style is None else list_own_sites(recorded, style, count) for recorded, _ in maps
        ]
        flat = self._draw_sites(
            [
                (recorded, samples, row, site)
                for (recorded, samples), item_sites in zip(maps, sites, strict=True)
                for row in range(len(samples))
                for site in item_sites
            ]
        )
        for (_, samples), item_sites in zip(maps, sites, strict=True):
            for _ in range(len(samples)):
                yield dict(zip(item_sites, islice(flat, len(item_sites)), strict=True))

    def is_drawn_later(self, recorded: RecordedMap) -> bool:
        """Return whether a map is shown in the picture of all maps of its item."""
        style = self.picture_style
        return style is not None and bool(list_shared_sites(recorded.show_as(style.show), style))

    def _draw_sites(
        self, sources: Sequence[tuple[RecordedMap, Samples, int, str]]
    ) -> Iterator[PictureFiles | None]:
        style = self.picture_style
        if style is None:
            return
        # A file's own picture may be refused, which must fail its item alone and no other's.
        has_originals = any(samples.originals for _, samples, *_ in sources)
        if has_originals or any(is_large(recorded) for recorded, *_ in sources):
            for recorded, samples, row, site in sources:
                yield (
                    None
                    if row in samples.failed
                    else draw_later(recorded, samples, row, site, style)
                )
            return
        picture_sources = (
            None
            if row in samples.failed
            else build_styled_source(recorded, samples, row, site, style=style)
            for recorded, samples, row, site in sources
        )
        yield from draw_pictures(picture_sources, style)

    def prepare(
        self,
        item_map: ItemMap,
        recorded: RecordedMap,
        samples: Samples,
        *,
        drawn: Sequence[PictureRow],
        earlier_line: JournalLine | None,
        frames: Sequence[Frames] = (),
    ) -> PreparedMap:
        """Return all files of one map. Raises ItemError (kind `exists`) if one may not be written.

        `drawn` are the pictures of each sample, of the same sites. `earlier_line` is the line of
        the map that these files replace. `frames` are those of a search for an animation.
        """
        self.refuse_other_target(item_map, earlier_line)
        files: dict[str, Bytes | WriteFunction] = {item_map.files.arrays: to_npz(recorded)}
        item = item_map.item
        if recorded.record.is_search:
            has_table = is_named_after_table(item, samples)
            files |= build_search_files(
                item_map.files, recorded, samples, is_table=has_table, frames=frames
            )
        elif is_table(item, samples):
            beside = list_inputs_beside(item, samples)
            files |= build_attribution_table(item_map.files.table, recorded, samples, beside)
            files |= build_summary_files(
                item_map.files, recorded, samples, style=self.picture_style
            )
        files |= build_token_tables(item_map.files, {0: recorded})
        names = PictureNames(item_map.files, samples.sample_count, list(drawn[0]))
        return self._prepare_files(
            item_map.stem,
            files,
            [_name_pictures(names, index, row) for index, row in enumerate(drawn)],
        )

    def prepare_ragged(
        self,
        item_map: ItemMap,
        maps: Mapping[int, RecordedMap],
        drawn: Mapping[int, PictureRow],
        *,
        total: int,
    ) -> PreparedMap:
        """Return one array file per sample of a ragged map of `total` samples; keys are rows.

        Raises the same as `prepare`.
        """
        names = item_map.files.list_arrays(total)
        files = {names[row]: to_npz(recorded) for row, recorded in maps.items()}
        files |= build_token_tables(item_map.files, maps)
        # A sample has the sites that it has alone: a short vector is a row, a long one a signal.
        rows = [drawn.get(row, {}) for row in range(total)]
        names_by_sites = {
            sites: PictureNames(item_map.files, total, sites) for sites in set(map(tuple, rows))
        }
        return self._prepare_files(
            item_map.stem,
            files,
            [_name_pictures(names_by_sites[tuple(row)], n, row) for n, row in enumerate(rows)],
        )

    def _prepare_files(
        self,
        stem: str,
        files: dict[str, Bytes | WriteFunction],
        pictures: Sequence[Mapping[str, Bytes | WriteFunction]],
    ) -> PreparedMap:
        for sample_pictures in pictures:
            files |= sample_pictures
        self._refuse_foreign(files)
        refuse_links(self.out, stem)
        return PreparedMap(files, pictures)

    def reserve(self, maps: Iterable[PreparedMap]) -> None:
        """List files as pending, so that after a kill the next run knows them as its own.

        Those of several maps at once, because threads wait for the lock of the list. StorageError.
        """
        if names := [name for prepared in maps for name in prepared.files]:
            self.pending.add(names)

    def write(self, prepared: PreparedMap) -> tuple[list[JsonObject], list[list[str]]]:
        """Write the files of a map that was reserved.

        Returns their journal entries, and the paths of the pictures of each sample. Raises
        StorageError, and ItemError if a source of a large file has changed.
        """
        files = prepared.files
        try:
            for name, data in files.items():
                write_atomically(self.get_path(name), data, self.pending.tag)
        except ItemError:
            self.pending.remove(files)
            raise
        entries = [describe_file(self.out, name, data) for name, data in files.items()]
        pictures = [
            [self.get_path(name) for name in row if name.endswith(PICTURE)]
            for row in prepared.pictures
        ]
        return entries, pictures

    def refuse_other_target(self, item_map: ItemMap, earlier_line: JournalLine | None) -> None:
        """Raise TakenError if a map of another target has this name; `a b` and `a-b` share one."""
        target, arrays = item_map.spec.target, item_map.files.arrays
        record = None if self.overwrite else earlier_line
        if record and record.get("files") and not is_same_target(target, record["target"]):
            raise TakenError(
                f"{self.get_path(arrays)}: holds the map of target {record['target']!r}",
                reason="the two targets have the same name in files",
                hint="use another --out, give both in one call, or use --on-exists overwrite",
                kind="exists",
            )

    def _refuse_foreign(self, files: Mapping[str, Bytes | WriteFunction]) -> None:
        for name, data in files.items():
            if self.own_files.can_replace(name, self.overwrite):
                continue
            path = self.get_path(name)
            if not find_file(self.out, name) or not self._is_unrecorded(name, data):
                raise build_foreign_error(path, "move it, or use --on-exists overwrite")

    def _is_unrecorded(self, name: str, data: Bytes | WriteFunction) -> bool:
        """Return whether a process has written this file, and died before it was recorded.

        One of a run that was killed has left exactly this content. Another one of this run has
        noted that it began the file.
        """
        return has_content(Path(self.get_path(name)), data) or name in self.pending.read_all()


def _name_pictures(
    names: PictureNames, index: int, drawn: PictureRow
) -> dict[str, Bytes | WriteFunction]:
    """Return the files of the pictures of one sample by name; a failed sample has none."""
    return {
        names.get_name(index, site, ending): data
        for site, files in drawn.items()
        for ending, data in (files or {}).items()
    }

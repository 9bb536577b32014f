"""Writes what was found for an item, and says where."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from inputgrad_cli.data.attribution import Attribution
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.target_text import Target
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.tables.delimited import write_table
from inputgrad_cli.numeric.arrays import Array, Arrays, take
from inputgrad_cli.numeric.lazy_array import ranges
from inputgrad_cli.rendering.style import Style
from inputgrad_cli.runs.inputs.find_inputs import Item
from inputgrad_cli.runs.pictures.map_pictures import late, pictures, plate_of, sites_of
from inputgrad_cli.runs.streamed_files import holds, is_large, npz_of, poured
from inputgrad_cli.storage.atomic_write import Bytes, Pour, refuse_links, start_of, write_whole
from inputgrad_cli.storage.file_names import Map, part_names, picture_names
from inputgrad_cli.storage.journal import Journal, described
from inputgrad_cli.storage.run_paths import find_file, is_folder

Picture = Bytes | Pour | None
Row = Sequence[Picture]  # of one sample: a picture for each site that has one


class TakenError(ItemError):
    """A map of another target stands at the destination, and in the journal: both stay."""


class Output:
    """The output directory of a run."""

    def __init__(self, out: Path, journal: Journal, style: Style | None, overwrite: bool) -> None:
        self._out, self._journal, self._style, self._overwrite = out, journal, style, overwrite
        self._start = start_of(out)

    @property
    def style(self) -> dict[str, Any]:
        """Return how the style of pictures stands in a journal line, empty where none is drawn."""
        return {} if self._style is None else {"style": self._style.record()}

    def path(self, name: str) -> str:
        """Return the path of a file in the output directory."""
        return self._start + name

    def pictures(self, maps: Sequence[tuple[Attribution, Samples]]) -> Iterator[Row]:
        """Yield the pictures of each sample of the maps in turn, small ones drawn together.

        Those of a large map are drawn when they are written: all at once would be too many. None
        stands for a sample that has failed.
        """
        sites = [[] if self._style is None else sites_of(attribution) for attribution, _ in maps]
        flat = self._drawn(
            [
                (a, s, row, site)
                for (a, s), own in zip(maps, sites, strict=True)
                for row in range(len(s))
                for site in own
            ]
        )
        for (_, samples), own in zip(maps, sites, strict=True):
            for _ in range(len(samples)):
                yield list(islice(flat, len(own)))

    def _drawn(self, every: Sequence[tuple[Attribution, Samples, int, str]]) -> Iterator[Picture]:
        style = self._style
        if style is None:
            return
        if any(is_large(attribution) for attribution, *_ in every):
            for a, s, row, site in every:
                yield None if row in s.failed else late(a, s, row, site, style)
            return
        plates = (None if r in s.failed else plate_of(a, s, r, site) for a, s, r, site in every)
        yield from pictures(plates, style)

    def write(
        self,
        item: Item,
        made: Map,
        attribution: Attribution,
        samples: Samples,
        drawn: Sequence[Row],
    ) -> tuple[list[dict[str, Any]], list[list[str]]]:
        """Write all files of one map; return how they stand in the journal, and the pictures.

        `drawn` are the pictures of each sample by site, and so are those that are returned.

        Raises ItemError (kind `exists`) and StorageError.
        """
        stem = made.stem(item.name)
        self.refuse_other_target(stem, made.target)
        files: dict[str, Bytes | Pour] = {f"{stem}.npz": npz_of(attribution)}
        if samples.header or _is_table(item):
            files |= _table(stem, attribution, samples)
        sites = sites_of(attribution) if any(drawn) else []
        names = picture_names(stem, len(drawn) if attribution.many else None, sites)
        return self._put(stem, files, [_named(*one) for one in zip(names, drawn, strict=True)])

    def write_apart(
        self, stem: str, maps: Mapping[int, Attribution], drawn: Mapping[int, Row], total: int
    ) -> tuple[list[dict[str, Any]], list[list[str]]]:
        """Write the files of samples of unequal shapes, by their numbers of `total`, as `write`."""
        names = part_names(stem, total)
        files = {names[row]: npz_of(attribution) for row, attribution in maps.items()}
        sites = next((sites_of(a) for row, a in maps.items() if drawn[row]), [])
        shown = picture_names(stem, total, sites)
        return self._put(
            stem, files, [_named(shown[row], drawn.get(row, ())) for row in range(total)]
        )

    def _put(
        self, stem: str, files: dict[str, Bytes | Pour], shown: Sequence[Mapping[str, Bytes | Pour]]
    ) -> tuple[list[dict[str, Any]], list[list[str]]]:
        for pictures_of_one in shown:
            files |= pictures_of_one
        self._refuse_foreign(files)
        refuse_links(self._out, stem)
        self._journal.intend(files)
        try:
            for name, data in files.items():
                write_whole(self.path(name), data, self._journal.tag)
        except ItemError:  # a source changed while late files were poured
            self._journal.settle(files)
            raise
        for name in self._journal.files(stem):
            if name not in files:  # of an earlier form of this item, with more samples say
                (self._out / name).unlink(missing_ok=True)
        told = [described(self._out, name, data) for name, data in files.items()]
        return told, [[self.path(name) for name in row] for row in shown]

    def refuse_other_target(self, stem: str, target: Target) -> None:
        """Raise TakenError where a map of another target has the name, as `a b` has `a-b`'s."""
        record = None if self._overwrite else self._journal.known.get(stem)
        if record and record.get("files") and not target.is_written(record["target"]):
            raise TakenError(
                f"{self.path(stem)}.npz: holds the map of target {record['target']!r}",
                reason="the two targets differ in nothing that a file name keeps",
                mend="use another --out, ask for both in one call, or take --on-exists overwrite",
                kind="exists",
            )

    def _refuse_foreign(self, files: Mapping[str, Bytes | Pour]) -> None:
        for name, data in files.items():
            path = self.path(name)
            free = self._overwrite or self._journal.owns(name)
            if not os.path.lexists(path) or (free and not is_folder(path)):
                continue
            # A run that was killed before it wrote its journal left these very bytes.
            if not find_file(self._out, name) or not holds(Path(path), data):
                raise ItemError(
                    f"{path}: is there already, and no run of inputgrad made it",
                    mend="move it, or use --on-exists overwrite",
                    kind="exists",
                )


def _named(names: Sequence[str], drawn: Row) -> dict[str, Bytes | Pour]:
    """Return the pictures of one sample by name, those that are there."""
    return {n: data for n, data in zip(names, drawn, strict=False) if data is not None}


def _table(stem: str, attribution: Attribution, samples: Samples) -> dict[str, Bytes | Pour]:
    if "scores" in attribution.metadata or not attribution.values:
        return {}  # a map a class has no place in one table

    def pour(file: IO[bytes]) -> None:
        like = next(iter(attribution.values.values()))
        for start, stop in ranges(like.shape, like.dtype.itemsize):
            part = _columns(take(attribution.values, slice(start, stop)), samples.header)
            file.write(write_table(() if start else part[0], part[1]))

    return {f"{stem}.csv": pour if is_large(attribution) else poured(pour)}


def _columns(values: Arrays, header: Sequence[str]) -> tuple[tuple[str, ...], Array]:
    """Return the names and the values of the columns, in the order of the table that was read.

    An embedding has a column for each of its numbers.
    """
    flat = {site: array.reshape(len(array), -1) for site, array in values.items()}
    whole = np.concatenate(list(flat.values()), axis=1)
    if not header or (len(flat) == 1 and whole.shape[1] == len(header)):
        return tuple(header), whole
    # A layer, or an input's second lookup, is no column of the file: it comes after those that are.
    order = [name for name in header if name in flat]
    order += [site for site in flat if site not in order]
    names: list[str] = []
    for name in order:
        wide = flat[name].shape[1]
        names += [name] if wide == 1 else [f"{name}[{i}]" for i in range(wide)]
    return tuple(names), np.concatenate([flat[name] for name in order], axis=1)


def _is_table(item: Item) -> bool:
    return item.path.suffix.lower() in (".csv", ".tsv")

"""Writes what was found for an item, and says where."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from inputgrad_cli import api
from inputgrad_cli.arrays import Array, Arrays, take
from inputgrad_cli.attribution import Attribution, channels_last
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.tables import write_table
from inputgrad_cli.jobs.items import Item
from inputgrad_cli.jobs.journal import Journal, described
from inputgrad_cli.jobs.naming import Map
from inputgrad_cli.jobs.poured import holds, is_large, npz_of, poured
from inputgrad_cli.jobs.store import Bytes, Pour, refuse_links, write_whole
from inputgrad_cli.rendering.draw import as_pixels, drawable
from inputgrad_cli.rendering.style import Style
from inputgrad_cli.sample import Samples
from inputgrad_cli.stored import ranges


class Output:
    """The output directory of a run."""

    def __init__(self, out: Path, journal: Journal, style: Style | None, overwrite: bool) -> None:
        self._out, self._journal, self._style, self._overwrite = out, journal, style, overwrite

    def write(
        self, item: Item, made: Map, attribution: Attribution, samples: Samples
    ) -> tuple[list[dict[str, Any]], list[str | None]]:
        """Write all files of one map; return how they stand in the journal, and each picture.

        Raises ItemError (kind `exists`) and StorageError.
        """
        stem = self._out / made.stem(item.name)
        files: dict[Path, Bytes | Pour] = {_with(stem, ".npz"): npz_of(attribution)}
        if samples.header or _is_table(item):
            files |= self._table(stem, attribution, samples)
        drawn = self._pictures(stem, attribution, samples)
        files |= {path: data for path, data in drawn if path is not None}
        self._refuse_foreign(files)
        refuse_links(self._out, stem)
        self._journal.intend(files)
        try:
            for path, data in files.items():
                write_whole(path, data, self._journal.tag)
        except ItemError:  # a source changed while late files were poured
            self._journal.settle(files)
            raise
        for path in self._journal.files(made.stem(item.name)):
            if path not in files:  # of an earlier form of this item, with more samples say
                path.unlink(missing_ok=True)
        told = [described(self._out, path, data) for path, data in files.items()]
        return told, [None if path is None else str(path) for path, _ in drawn]

    def arrays(self, item: Item, made: Map) -> str:
        """Return where the arrays of a map stand."""
        return str(_with(self._out / made.stem(item.name), ".npz"))

    def _refuse_foreign(self, files: Mapping[Path, Bytes | Pour]) -> None:
        for path, data in files.items():
            if self._overwrite or not os.path.lexists(path) or self._journal.owns(path):
                continue
            # A run that was killed before it wrote its journal left these very bytes.
            if not path.is_file() or not holds(path, data):
                raise ItemError(
                    f"{path}: is there already, and no run of inputgrad made it",
                    mend="move it, or use --on-exists overwrite",
                    kind="exists",
                )

    def _table(
        self, stem: Path, attribution: Attribution, samples: Samples
    ) -> dict[Path, Bytes | Pour]:
        if "scores" in attribution.metadata or not attribution.values:
            return {}  # a map a class has no place in one table

        def pour(file: IO[bytes]) -> None:
            like = next(iter(attribution.values.values()))
            for start, stop in ranges(like.shape, like.dtype.itemsize):
                part = _columns(take(attribution.values, slice(start, stop)), samples.header)
                file.write(write_table(() if start else part[0], part[1]))

        return {_with(stem, ".csv"): pour if is_large(attribution) else poured(pour)}

    def _pictures(
        self, stem: Path, attribution: Attribution, samples: Samples
    ) -> list[tuple[Path | None, Bytes | Pour]]:
        if self._style is None:
            return [(None, b"")] * len(samples)
        return list(self._drawn(stem, attribution, samples, self._style))

    def _drawn(
        self, stem: Path, attribution: Attribution, samples: Samples, style: Style
    ) -> Iterator[tuple[Path | None, Bytes | Pour]]:
        digits, late = len(str(len(samples) - 1)), is_large(attribution)
        for row in range(len(samples)):
            place = f".{row:0{digits}}.png" if attribution.many else ".png"
            if row in samples.failed or _site(attribution, row) is None:
                yield None, b""
            elif late:  # drawn when it is written: all at once would be too many
                yield _with(stem, place), partial(_draw, attribution, samples, row, style)
            else:
                yield _with(stem, place), picture(attribution, samples, row, style) or b""


def _draw(
    attribution: Attribution, samples: Samples, row: int, style: Style, file: IO[bytes]
) -> None:
    file.write(picture(attribution, samples, row, style) or b"")


def _site(attribution: Attribution, row: int) -> str | None:
    """Return the first site that a picture kind serves."""
    for site, values in attribution.values.items():
        one = values[row] if attribution.many else values
        if drawable(channels_last(one, site, attribution.metadata).shape):
            return site
    return None


def picture(attribution: Attribution, samples: Samples, row: int, style: Style) -> bytes | None:
    """Return the PNG of one sample, None where no picture kind serves its shape."""
    site = _site(attribution, row)
    if site is None:
        return None
    seen = seen_at(samples, _shown(samples, site), row)
    return api.render(attribution, seen, site=site, sample=row, style=style).png


def _shown(samples: Samples, site: str) -> str:
    """Return the input under a site's map: for a layer the first that is a picture."""
    if site in samples.arrays:
        return site
    pictures = [name for name in samples.arrays if name in samples.pixels]
    arrays = [name for name, array in samples.arrays.items() if _is_picture(name, array, samples)]
    return next(iter(pictures + arrays), site)


def _is_picture(name: str, array: Array, samples: Samples) -> bool:
    """Return whether an input, (N, ...), is one of pictures that can be shown."""
    numbers = array.ndim == 4 and array.dtype.kind in "buif"
    return numbers and channels_last(array[0], name, samples.record).shape[-1] in (1, 3, 4)


def seen_at(samples: Samples, site: str, row: int) -> Array | None:
    """Return the picture under a map: the file's pixels, else the array stretched to 0..255."""
    if site in samples.pixels:
        return np.asarray(samples.pixels[site][row])
    if site not in samples.arrays:
        return None  # the file is gone
    # Tokens and texts have maps of their embedding's shape, with nothing to lay below.
    if not _is_picture(site, samples.arrays[site], samples):
        return None
    return as_pixels(channels_last(samples.arrays[site][row], site, samples.record))


def _columns(values: Arrays, header: Sequence[str]) -> tuple[tuple[str, ...], Array]:
    """Return the names and the values of the columns, in the order of the table that was read.

    An embedding has a column for each of its numbers.
    """
    flat = {site: array.reshape(len(array), -1) for site, array in values.items()}
    whole = np.concatenate(list(flat.values()), axis=1)
    if not header or (len(flat) == 1 and whole.shape[1] == len(header)):
        return tuple(header), whole
    names: list[str] = []
    for name in (name for name in header if name in flat):
        wide = flat[name].shape[1]
        names += [name] if wide == 1 else [f"{name}[{i}]" for i in range(wide)]
    columns = [flat[name] for name in header if name in flat]
    return tuple(names), np.concatenate(columns, axis=1) if columns else np.empty((0, 0))


def _with(stem: Path, ending: str) -> Path:
    return Path(f"{stem}{ending}")


def _is_table(item: Item) -> bool:
    return item.path.suffix.lower() in (".csv", ".tsv")

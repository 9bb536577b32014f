"""Draws pictures of a run again, from its arrays and its sources, without the model."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inputgrad_cli.data.attribution import Attribution
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.errors import EmptyError, ItemError, UsageError
from inputgrad_cli.rendering.style import MAX_PIXELS, Style
from inputgrad_cli.runs.pictures.map_pictures import Plate, picture, plate_of, sites_of
from inputgrad_cli.runs.pictures.shared_scale import widen
from inputgrad_cli.schema.encoded_names import heard
from inputgrad_cli.schema.records import JournalLine, RunRecord
from inputgrad_cli.storage.atomic_write import refuse_links, write_whole
from inputgrad_cli.storage.file_names import part_names, picture_names
from inputgrad_cli.storage.journal import Journal, described, is_picture
from inputgrad_cli.storage.lock import RunLock
from inputgrad_cli.storage.run_maps import open_map, result_names
from inputgrad_cli.storage.run_paths import is_folder
from inputgrad_cli.storage.run_record import no_run, read_runs
from inputgrad_cli.storage.sources import SOURCE
from inputgrad_cli.storage.stored_inputs import Read, reader_of
from inputgrad_cli.storage.styles import style_of


@dataclass(frozen=True)
class Redrawn:
    """A picture that was drawn, or why one could not be; `blank` says why nothing lies below it."""

    stem: str
    name: str | None
    error: ItemError | None = None
    blank: str = ""


@dataclass(frozen=True)
class Asked:
    """Which pictures of a run are drawn again, and how.

    `style` returns a picture's new style, from its own (None where it was never drawn). With
    `changed` those alone are drawn that are not in it yet; `of` says which lines are meant.
    """

    style: Callable[[Style | None], Style]
    changed: bool = False
    of: Callable[[JournalLine], bool] = lambda record: True


def redraw(out: Path, asked: Asked) -> Iterator[Redrawn]:
    """Yield the pictures of the run in `out` as they are drawn."""
    runs = read_runs(out)
    if not runs:
        raise no_run(out)
    journal = Journal(out)
    stems = [s for s, r in journal.known.items() if r.get("files") and asked.of(r)]
    if not stems:
        raise EmptyError(f"{out}: the run has made no maps yet")

    def map_of(stem: str) -> StoredMap:
        tag = journal.homes[stem]
        run = runs.get(tag) or next(iter(runs.values()))
        return StoredMap(
            journal, journal.known[stem], reader_of(run, journal.firsts[tag], out), run
        )

    styles = {s: asked.style(map_of(s).style) for s in stems}
    shared = _shared_scales((map_of(stem), styles[stem]) for stem in stems)
    for stem in stems:
        stored, style = map_of(stem), styles[stem]
        if style.scale == "run":
            style = shared[_kind(stored.line, style)]
        if not asked.changed or stored.is_due(style):
            yield from draw_again(stored, style)


def redraw_held(out: Path, asked: Asked) -> Iterator[Redrawn]:
    """Yield what `redraw` does while no other run may write there."""
    if not read_runs(out):
        raise no_run(out)
    hold = RunLock(out)
    try:
        yield from redraw(out, asked)
    finally:
        hold.release()


@dataclass(frozen=True)
class StoredMap:
    """A map of a run: its line in the journal, what reads its inputs, and the run that made it."""

    journal: Journal
    line: JournalLine
    read: Read
    run: RunRecord | None = None

    @property
    def out(self) -> Path:
        """Return the run's directory."""
        return self.journal.path.parent

    @property
    def stem(self) -> str:
        """Return the name of the map's files, without their endings."""
        return heard(self.line, "stem")

    @property
    def style(self) -> Style | None:
        """Return the style of its pictures, None where none was ever drawn."""
        return style_of(self.line, self.run)

    def is_due(self, style: Style) -> bool:
        """Return whether the pictures are in another style, or not there as written."""
        written = self.line.get("style") == style.record()
        return not written or not self.journal.has_pictures(self.line)

    def results(self) -> Iterator[tuple[str, Attribution]]:
        """Yield the names of its arrays and what they hold; ItemError."""
        for name in result_names(self.line):
            yield name, open_map(self.out, name, self.line, self.run)


def draw_again(stored: StoredMap, style: Style) -> list[Redrawn]:
    """Return the pictures of one map that were drawn in this style, once its line is written.

    Where one could not be drawn, the last of them says why.
    """
    out, record = stored.out, stored.line
    done: list[Redrawn] = []
    try:
        refuse_links(out, stored.stem)
        done.extend(_drawn(stored, style))
    except ItemError as error:
        done.append(Redrawn(stored.stem, None, error))
    new = [made.name for made in done if made.name is not None]
    if not new and done:
        return done  # nothing has changed
    whole = len(new) == len(done)
    files_before = record.get("files", [])
    files: list[Any] = [f for f in files_before if not _is_replaced(heard(f, "path"), new, whole)]
    for name in {heard(f, "path") for f in files_before} - {heard(f, "path") for f in files}:
        if name not in new:  # of a form with other samples or sites
            (out / name).unlink(missing_ok=True)
    files += [described(out, name, (out / name).read_bytes()) for name in new]
    line = {**record, "drawn": bool(new) or record.get("drawn", False), "files": files}
    if whole:
        line["style"] = style.record()
    line.pop("bad", None)
    if bad := [name for name in record.get("bad", ()) if name not in new]:  # marks of `verify`
        line["bad"] = bad
    stored.journal.add([line])
    return done


def _is_replaced(name: str, new: Sequence[str], whole: bool) -> bool:
    return name in new or (whole and is_picture(name))


def _drawn(stored: StoredMap, style: Style) -> Iterator[Redrawn]:
    out, journal = stored.out, stored.journal
    for sheet in _sheets(stored):
        for row, names in zip(sheet.rows, sheet.names, strict=True):
            for site, name in zip(sites_of(sheet.attribution), names, strict=True):
                plate = plate_of(sheet.attribution, sheet.samples, row, site)
                _refuse_large(plate, style)
                png = picture(plate, style)
                _refuse_foreign(journal, out / name, name)
                journal.intend([name])
                write_whole(out / name, png)
                yield Redrawn(stored.stem, name, None, sheet.blank)


def _refuse_large(plate: Plate, style: Style) -> None:
    """Raise ItemError where a picture, enlarged as the record says, would fill the memory."""
    height, width = (plate.values if plate.seen is None else plate.seen).shape[:2]
    factor = style.factor(height, width)
    if height * width * factor**2 > MAX_PIXELS:
        raise ItemError(
            f"a picture of {width * factor}x{height * factor} pixels is too large",
            mend="take a smaller --zoom",
            kind="shape",
        )


@dataclass(frozen=True)
class Sheet:
    """One file of arrays: the rows that are drawn of it, the names of their pictures by site.

    `samples` are the inputs; where there are none, `blank` says why.
    """

    attribution: Attribution
    samples: Samples
    rows: Sequence[int]
    names: Sequence[Sequence[str]]
    blank: str = ""


def _sheets(stored: StoredMap) -> Iterator[Sheet]:
    """Yield the files of arrays of a map; samples of unequal shapes have one each."""
    stem, line = stored.stem, stored.line
    count = line["samples"]
    parts = part_names(stem, count) if line.get("apart") and count is not None else []
    inputs: Samples | None = None
    blank = ""
    for name, attribution in stored.results():
        sites = sites_of(attribution)
        if not sites:
            continue
        if inputs is None:
            inputs, blank = _inputs(stored, attribution)
        if parts:
            row = _place(name, parts, stored)
            sample = inputs if blank else inputs.single(row)
            names = picture_names(stem, count, sites)[row : row + 1]
            yield Sheet(attribution, sample, [0], names, blank)
            continue
        names = picture_names(stem, count, sites)
        rows = _rows(attribution)
        yield Sheet(attribution, inputs, rows, [names[row] for row in rows], blank)


def _place(name: str, parts: Sequence[str], stored: StoredMap) -> int:
    """Return which sample a file is of; ItemError where it is of none."""
    if name not in parts:
        raise ItemError(f"{stored.out / name}: is no file of a sample", kind="unreadable")
    return parts.index(name)


def _rows(attribution: Attribution) -> list[int]:
    """Return the samples that have a map, 0 where there is but one."""
    checks = attribution.metadata["checks"]
    if not attribution.many:
        return [0]
    return [row for row, check in enumerate(checks) if check is not None]


def _inputs(stored: StoredMap, attribution: Attribution) -> tuple[Samples, str]:
    """Return the inputs; none, and why, where they cannot be used: a heatmap can still be drawn."""
    none = Samples({}, many=attribution.many)
    try:
        samples = stored.read(attribution, stored.line)
    except (ItemError, UsageError) as error:
        why = error.what if error.kind == SOURCE else f"its input cannot be used ({error.what})"
        return none, why
    if len(samples) != (stored.line["samples"] or 1):
        return none, "its input has another number of samples now"
    return samples, ""


def _refuse_foreign(journal: Journal, path: Path, name: str) -> None:
    if os.path.lexists(path) and (is_folder(path) or not journal.owns(name)):
        raise ItemError(
            f"{path}: is there already, and no run of inputgrad made it",
            mend="move it away",
            kind="exists",
        )


Kind = tuple[str, str, Style]


def _kind(line: JournalLine, style: Style) -> Kind:
    """Return what pictures have in common that share a scale."""
    return line["method"], line["target"], style


def _shared_scales(pairs: Iterable[tuple[StoredMap, Style]]) -> dict[Kind, Style]:
    """Return, for pictures of one scale for the run, the style with the scale that holds all."""
    shared: dict[Kind, Style] = {}
    for stored, style in pairs:
        if style.scale != "run":
            continue
        key = _kind(stored.line, style)
        shared.setdefault(key, replace(style, limit=0.0, signed=False))
        with contextlib.suppress(ItemError):  # told when its own picture is to be drawn
            for _, attribution in stored.results():
                shared[key] = widen(shared[key], attribution)
    return shared

"""Draws pictures of a run again, from its arrays and its sources, without the model."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from inputgrad_cli.attribution import Attribution, channels_last
from inputgrad_cli.errors import EmptyError, ItemError
from inputgrad_cli.formats.read import Reading, open_file, read_samples
from inputgrad_cli.formats.results import open_result
from inputgrad_cli.formats.viewing import Viewing
from inputgrad_cli.jobs.drawn import picture, plate_of, sites_of
from inputgrad_cli.jobs.journal import Journal, described, is_picture
from inputgrad_cli.jobs.naming import part_names, picture_names
from inputgrad_cli.jobs.runfile import no_run, read_runs
from inputgrad_cli.jobs.spoken import heard
from inputgrad_cli.jobs.store import Hold, refuse_links, write_whole
from inputgrad_cli.jobs.styles import style_of
from inputgrad_cli.preprocess import Preprocess
from inputgrad_cli.rendering.reduce import find_limits, is_signed, reduce_channels
from inputgrad_cli.rendering.style import Style
from inputgrad_cli.sample import Samples
from inputgrad_cli.signature import Port

Record = dict[str, Any]
Read = Callable[[Attribution, Record], Samples]
"""(attribution, journal line) -> the inputs as they were seen; ItemError where they are gone."""


@dataclass(frozen=True)
class Redrawn:
    """A picture that was drawn, or why one could not be; `blank` says that its source is gone."""

    stem: str
    name: str | None
    error: ItemError | None = None
    blank: bool = False


@dataclass(frozen=True)
class Asked:
    """Which pictures of a run are drawn again, and how.

    `style` returns a picture's new style, from its own (None where it was never drawn). With
    `changed` those alone are drawn that are not in it yet; `of` says which lines are meant.
    """

    style: Callable[[Style | None], Style]
    changed: bool = False
    of: Callable[[Record], bool] = lambda record: True


def redraw(out: Path, asked: Asked) -> Iterator[Redrawn]:
    """Yield the pictures of the run in `out` as they are drawn."""
    runs = read_runs(out)
    if not runs:
        raise no_run(out)
    journal = Journal(out)
    stems = [s for s, r in journal.known.items() if r.get("files") and asked.of(r)]
    if not stems:
        raise EmptyError(f"{out}: the run has made no maps yet")

    def run_of(stem: str) -> Mapping[str, Any]:
        return runs.get(journal.homes[stem]) or next(iter(runs.values()))

    styles = {s: asked.style(style_of(journal.known[s], run_of(s))) for s in stems}
    shared = _shared_scales(out, [(journal.known[stem], styles[stem]) for stem in stems])
    for stem in stems:
        record, style = journal.known[stem], styles[stem]
        if style.scale == "run":
            style = shared[_kind(record, style)]
        if not asked.changed or is_due(journal, record, style):
            yield from draw_again(journal, record, style, _reader(run_of(stem)))


def redraw_held(out: Path, asked: Asked) -> Iterator[Redrawn]:
    """Yield what `redraw` does while no other run may write there."""
    if not read_runs(out):
        raise no_run(out)
    hold = Hold(out)
    try:
        yield from redraw(out, asked)
    finally:
        hold.release()


def is_due(journal: Journal, record: Record, style: Style) -> bool:
    """Return whether the pictures of a line are in another style, or not there as written."""
    return record.get("style") != style.record() or not journal.has_pictures(record)


def draw_again(journal: Journal, record: Record, style: Style, read: Read) -> list[Redrawn]:
    """Return the pictures of one line that were drawn in this style, once the line is written.

    Where one could not be drawn, the last of them says why.
    """
    out, stem = journal.path.parent, heard(record, "stem")
    done: list[Redrawn] = []
    try:
        done.extend(_drawn(journal, record, style, read))
    except ItemError as error:
        done.append(Redrawn(stem, None, error))
    new = [made.name for made in done if made.name is not None]
    whole = len(new) == len(done)
    files = [f for f in record["files"] if not _is_replaced(heard(f, "path"), new, whole)]
    for name in {heard(f, "path") for f in record["files"]} - {heard(f, "path") for f in files}:
        if name not in new:  # of a form with other samples or sites
            (out / name).unlink(missing_ok=True)
    files += [described(out, name, (out / name).read_bytes()) for name in new]
    line = {**record, "drawn": bool(new) or record.get("drawn", False), "files": files}
    if whole:
        line["style"] = style.record()
    if bad := [name for name in line.pop("bad", ()) if name not in new]:  # marks of `verify`
        line["bad"] = bad
    journal.add([line])
    return done


def _is_replaced(name: str, new: Sequence[str], whole: bool) -> bool:
    return name in new or (whole and is_picture(name))


def _drawn(journal: Journal, record: Record, style: Style, read: Read) -> Iterator[Redrawn]:
    stem, out = heard(record, "stem"), journal.path.parent
    for sheet in _sheets(out, record, read):
        for row, names in zip(sheet.rows, sheet.names, strict=True):
            for site, name in zip(sites_of(sheet.attribution), names, strict=True):
                png = picture(plate_of(sheet.attribution, sheet.samples, row, site), style)
                refuse_links(out, name)
                _refuse_foreign(journal, out / name, name)
                journal.intend([name])
                write_whole(out / name, png)
                yield Redrawn(stem, name, None, sheet.blank)


@dataclass(frozen=True)
class Sheet:
    """One file of arrays: the rows that are drawn of it, the names of their pictures by site.

    `samples` are the inputs; with `blank` they are gone.
    """

    attribution: Attribution
    samples: Samples
    rows: Sequence[int]
    names: Sequence[Sequence[str]]
    blank: bool


def _sheets(out: Path, record: Record, read: Read) -> Iterator[Sheet]:
    """Yield the files of arrays of a line; samples of unequal shapes have one each."""
    stem, count = heard(record, "stem"), record["samples"]
    parts = part_names(stem, count) if record.get("apart") else []
    inputs: Samples | None = None
    for path in _arrays(out, record):
        attribution = open_result(path)
        sites = sites_of(attribution)
        if not sites:
            continue
        if inputs is None:
            inputs = _inputs(read, attribution, record)
        blank, many = not inputs.arrays, attribution.many
        if parts:
            row = parts.index(path.relative_to(out).as_posix())
            one = inputs if blank else inputs.single(row)
            names = picture_names(stem, count, sites)[row : row + 1]
            yield Sheet(attribution, one, [0], names, blank)
            continue
        checks = attribution.metadata["checks"]
        rows = [row for row in range(count) if checks[row] is not None] if many else [0]
        names = picture_names(stem, count, sites)
        yield Sheet(attribution, inputs, rows, [names[row] for row in rows], blank)


def _inputs(read: Read, attribution: Attribution, record: Record) -> Samples:
    """Return the inputs, none where their files are gone: a heatmap alone can be drawn."""
    try:
        return read(attribution, record)
    except ItemError:
        return Samples({}, many=attribution.many)


def _refuse_foreign(journal: Journal, path: Path, name: str) -> None:
    if os.path.lexists(path) and not journal.owns(name):
        raise ItemError(
            f"{path}: is there already, and no run of inputgrad made it",
            mend="move it away",
            kind="exists",
        )


def _arrays(out: Path, record: Mapping[str, Any]) -> list[Path]:
    return [out / n for f in record["files"] if (n := heard(f, "path")).endswith(".npz")]


def _reader(run: Mapping[str, Any]) -> Read:
    """Return what reads the sources of a run's lines, as the run did."""
    ports = tuple(
        Port(p["name"], _shape(p["shape"]), p["dtype"]) for p in run["signature"]["inputs"]
    )
    columns = tuple(run["options"].get("columns", {}).get("value") or ())
    home = Path(run["directory"])

    def read(attribution: Attribution, record: Record) -> Samples:
        paths = {source["for"]: home / heard(source, "path") for source in record["sources"]}
        viewing = Viewing.from_record(attribution.metadata)
        aliases = run.get("aliases", {})
        how = Reading(ports, Preprocess("raw"), viewing, aliases, columns=columns)
        return read_files(paths, how)

    return read


def read_files(paths: Mapping[str | None, Path], how: Reading) -> Samples:
    """Return the inputs that stand in these files; ItemError."""
    return read_samples({name: open_file(path) for name, path in paths.items()}, paths, how)


def _shape(shape: list[int | None] | None) -> tuple[int | None, ...] | None:
    return None if shape is None else tuple(shape)


Kind = tuple[str, str, Style]


def _kind(record: Record, style: Style) -> Kind:
    """Return what pictures have in common that share a scale."""
    return record["method"], record["target"], style


def _shared_scales(out: Path, pairs: Sequence[tuple[Record, Style]]) -> dict[Kind, Style]:
    """Return, for pictures of one scale for the run, the style with the scale that holds all."""
    shared: dict[Kind, Style] = {}
    for record, style in pairs:
        if style.scale != "run":
            continue
        key = _kind(record, style)
        known = shared.get(key, replace(style, limit=0.0, signed=False))
        results = map(open_result, _arrays(out, record))
        for limit, signed in (scale for result in results for scale in _scales(result, style)):
            both = bool(known.signed or signed)
            known = replace(known, limit=max(known.limit or 0.0, limit), signed=both)
        shared[key] = known
    return shared


def _scales(attribution: Attribution, style: Style) -> Iterator[tuple[float, bool]]:
    """Yield the limit of each picture of a result, and whether zero is in its middle."""
    meta = attribution.metadata
    how = style.reduce or meta["reduce"]
    for site in sites_of(attribution):
        stored, copied = attribution.values[site], site in meta.get("copied", ())
        for row in stored if attribution.many else [stored]:
            one = channels_last(np.asarray(row), site, meta)
            flat = reduce_channels(one[np.newaxis], how, copied)
            (limit,) = find_limits(flat, style.clip)
            yield limit, is_signed(flat, how, meta.get("sign", "signed"))

"""Draws the pictures of a run again, from its arrays and its sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from inputgrad_cli.attribution import Attribution, channels_last
from inputgrad_cli.errors import EmptyError, ItemError
from inputgrad_cli.formats.pictures import Viewing
from inputgrad_cli.formats.read import Reading, open_file, read_samples
from inputgrad_cli.formats.results import open_result
from inputgrad_cli.jobs.drawn import picture
from inputgrad_cli.jobs.journal import Journal, described
from inputgrad_cli.jobs.naming import part_names, picture_names
from inputgrad_cli.jobs.runfile import no_run, read_runs
from inputgrad_cli.jobs.spoken import heard
from inputgrad_cli.jobs.store import Hold, refuse_links, write_whole
from inputgrad_cli.preprocess import Preprocess
from inputgrad_cli.rendering.draw import drawable
from inputgrad_cli.rendering.reduce import find_limits, reduce_channels
from inputgrad_cli.rendering.style import Style
from inputgrad_cli.sample import Samples
from inputgrad_cli.signature import Port


@dataclass(frozen=True)
class Redrawn:
    """A picture that was drawn, or why one could not be; `blank` says that its source is gone."""

    stem: str
    name: str | None
    error: ItemError | None = None
    blank: bool = False


def redraw(out: Path, style: Style, run_scale: bool = False) -> Iterator[Redrawn]:
    """Yield every picture of the run in `out` as it is drawn."""
    runs = read_runs(out)
    if not runs:
        raise no_run(out)
    journal = Journal(out)
    records = [record for record in journal.known.values() if record.get("files")]
    if not records:
        raise EmptyError(f"{out}: the run has made no maps yet")
    limits = _limits(out, records, style) if run_scale else {}
    for record in records:
        limit = limits.get((record["method"], record["target"]))
        run = runs.get(journal.homes[heard(record, "stem")]) or next(iter(runs.values()))
        drawn = list(_redraw_one(journal, record, run, replace(style, limit=limit)))
        journal.add([_with_pictures(out, record, drawn)])
        yield from drawn


def redraw_held(out: Path, style: Style, run_scale: bool = False) -> Iterator[Redrawn]:
    """Yield what `redraw` does while no other run may write there."""
    if not read_runs(out):
        raise no_run(out)
    hold = Hold(out)
    try:
        yield from redraw(out, style, run_scale)
    finally:
        hold.release()


def _redraw_one(
    journal: Journal, record: Mapping[str, Any], run: Mapping[str, Any], style: Style
) -> Iterator[Redrawn]:
    stem, out = heard(record, "stem"), journal.path.parent
    try:
        paths = _arrays(out, record)
        if record.get("apart"):
            yield from _redraw_apart(journal, record, run, style)
            return
        attribution = open_result(paths[0])
        samples, blank = _samples(attribution, record, run)
        many, checks = attribution.many, attribution.metadata["checks"]
        total = len(next(iter(attribution.values.values()))) if many else None
        for row, name in enumerate(picture_names(stem, total)):
            lost = many and checks[row] is None
            png = None if lost else picture(attribution, samples, row, style)
            if png is None:
                continue
            _put(journal, name, png)
            yield Redrawn(stem, name, None, blank)
    except ItemError as error:
        yield Redrawn(stem, None, error)


def _redraw_apart(
    journal: Journal, record: Mapping[str, Any], run: Mapping[str, Any], style: Style
) -> Iterator[Redrawn]:
    """Yield the pictures of samples of unequal shapes, each drawn from its own file."""
    stem, out = heard(record, "stem"), journal.path.parent
    names = part_names(stem, record["samples"])
    samples, blank = None, True
    for path in _arrays(out, record):
        attribution = open_result(path)
        if samples is None:
            samples, blank = _samples(attribution, record, run)
        row = names.index(path.relative_to(out).as_posix())
        one = Samples({}) if blank else samples.single(row)
        if (png := picture(attribution, one, 0, style)) is not None:
            name = names[row].removesuffix(".npz") + ".png"
            _put(journal, name, png)
            yield Redrawn(stem, name, None, blank)


def _put(journal: Journal, name: str, png: bytes) -> None:
    out = journal.path.parent
    refuse_links(out, name)
    journal.intend([name])
    write_whole(out / name, png)


def _with_pictures(out: Path, record: dict[str, Any], drawn: list[Redrawn]) -> dict[str, Any]:
    """Return the journal line with the new pictures in the place of the old."""
    new = dict.fromkeys(made.name for made in drawn if made.name is not None)
    kept = [file for file in record["files"] if heard(file, "path") not in new]
    files = kept + [described(out, name, (out / name).read_bytes()) for name in new]
    return {**record, "drawn": bool(new) or record.get("drawn", False), "files": files}


def _arrays(out: Path, record: Mapping[str, Any]) -> list[Path]:
    return [out / n for f in record["files"] if (n := heard(f, "path")).endswith(".npz")]


def _samples(
    attribution: Attribution, record: Mapping[str, Any], run: Mapping[str, Any]
) -> tuple[Samples, bool]:
    """Return the inputs as they were seen; without their files a heatmap alone can be drawn."""
    ports = tuple(
        Port(p["name"], _shape(p["shape"]), p["dtype"]) for p in run["signature"]["inputs"]
    )
    viewing = Viewing.from_record(attribution.metadata)
    home = Path(run["directory"])
    paths = {source["for"]: home / heard(source, "path") for source in record["sources"]}
    try:
        files = {name: open_file(path) for name, path in paths.items()}
        columns = tuple(attribution.metadata.get("columns", ()))
        how = Reading(ports, Preprocess("raw"), viewing, columns=columns)
        return read_samples(files, paths, how), False
    except ItemError:
        return Samples({}, many=attribution.many), True


def _shape(shape: list[int | None] | None) -> tuple[int | None, ...] | None:
    return None if shape is None else tuple(shape)


def _limits(out: Path, records: list[dict[str, Any]], style: Style) -> dict[tuple[str, str], float]:
    """Return the largest limit of any picture of each (method, target)."""
    limits: dict[tuple[str, str], float] = {}
    every = [(record, path) for record in records for path in _arrays(out, record)]
    for record, path in every:
        attribution = open_result(path)
        how = style.reduce or attribution.metadata["reduce"]
        key = (record["method"], record["target"])
        for site, stored in attribution.values.items():
            for row in stored if attribution.many else [stored]:
                one = channels_last(row, site, attribution.metadata)
                if drawable(one.shape):
                    copied = site in attribution.metadata.get("copied", ())
                    flat = reduce_channels(one[np.newaxis], how, copied)
                    (limit,) = find_limits(flat, style.clip)
                    limits[key] = max(limits.get(key, 0.0), limit)
    return limits

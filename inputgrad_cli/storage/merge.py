"""Joins the shares of a run: one `run.json`, one journal, all files in one directory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inputgrad_cli.errors import UsageError
from inputgrad_cli.formats.attribution_npz import dump
from inputgrad_cli.schema.encoded_names import heard, spoken
from inputgrad_cli.schema.records import RunRecord, SourceRecord
from inputgrad_cli.storage import journal, pending_files, run_record
from inputgrad_cli.storage.atomic_write import sync_folder, write_whole
from inputgrad_cli.storage.copy_files import bring
from inputgrad_cli.storage.journal import Journal, Record
from inputgrad_cli.storage.lock import LOCK, RunLock
from inputgrad_cli.storage.run_record import no_run, read_runs, save_run
from inputgrad_cli.storage.shards import Shard, shard_of, tags_in

DECIDING = (
    *("method", "target", "truth", "space", "wrt", "baseline", "labels", "code", "preprocess"),
    *("resize", "interp", "frame", "input_range", "precision", "seed", "tolerance", "check_grad"),
    *("picture", "cmap", "reduce", "clip", "alpha", "scale", "zoom"),
)
FILES = ("truth", "labels", "code")  # their paths may differ from machine to machine
MOST_NAMED = 20  # of the shards that are missing
ALONE = ("argv", "directory", "platform", "versions", "mode", "batch_size")


@dataclass(frozen=True)
class Part:
    """One record of a run: that of a share, or of the whole (`shard` is None)."""

    out: Path
    tag: str
    run: RunRecord

    @property
    def shard(self) -> Shard | None:
        """Return the share."""
        return shard_of(self.tag)

    def __str__(self) -> str:
        share = f" (shard {self.shard.number}/{self.shard.of})" if self.shard else ""
        return f"{self.out}{share}"


@dataclass(frozen=True)
class Merged:
    """What was joined, in which directory; `lacking` tells what is not done yet."""

    run: Path
    shards: int
    maps: int
    failed: int
    lacking: dict[str, int]


def merge(outs: Sequence[Path]) -> Merged:
    """Join the shares in these directories into the first; UsageError, BusyError, StorageError."""
    places = list({os.path.realpath(out): out for out in outs}.values())
    for out in places:
        runs = read_runs(out)
        if not runs:
            raise no_run(out)
        if not any(tag or run.get("shards") for tag, run in runs.items()):
            raise UsageError(
                f"{out}: its run was not shared", mend="merge joins what --shard I/N made"
            )
    with ExitStack() as held:
        for out in places:
            held.callback(RunLock(out).release)
        parts = [Part(out, tag, run) for out in places for tag, run in read_runs(out).items()]
        _refuse_others(parts)
        shares = _shares(parts)
        journals = [(out, Journal(out)) for out in places]
        lacking = dict(_lacking(parts, dict(journals)))
        lines = _lines(journals, parts)
        return _write(places[0], parts, shares, lines, lacking)


def _refuse_others(parts: Sequence[Part]) -> None:
    """Raise UsageError where the parts are not of one run."""
    first = parts[0]
    for part in parts[1:]:
        if part.run["model"]["sha256"] != first.run["model"]["sha256"]:
            models = [f"{p.run['model']['path']} in {p}" for p in (first, part)]
            raise UsageError("these are runs of two models: " + ", ".join(models))
        for name in DECIDING:
            told = [_value(p.run, name) for p in (first, part)]
            if told[0] != told[1]:
                word = "--" + name.replace("_", "-")
                raise UsageError(
                    f"{word} differs: {told[0]} in {first}, {told[1]} in {part}",
                    mend="run one of them again with the other's options",
                )


def _value(run: RunRecord, name: str) -> Any:
    options: Mapping[str, Any] = run["options"]
    value = options.get(name, {}).get("value")
    if name not in FILES or value is None:
        return value
    return [Path(v).name for v in value] if isinstance(value, list) else Path(value).name


def _shares(parts: Sequence[Part]) -> dict[int, dict[str, Any]]:
    """Return what is kept of each share, by number; UsageError where one is missing."""
    shares: dict[int, dict[str, Any]] = {}
    sizes: dict[int, Part] = {}
    for part in parts:
        told: Sequence[Any] = [part.run] if part.shard else part.run.get("shards", [])
        for run in told:
            sizes.setdefault(run["shard"]["of"], part)
            shares[run["shard"]["number"]] = {k: run[k] for k in ("shard", *ALONE) if k in run}
    if len(sizes) > 1:
        (a, one), (b, two), *_ = sizes.items()
        raise UsageError(f"{one} is of {a} shards, {two} of {b}")
    (of,) = sizes
    if missing := [number for number in range(of) if number not in shares]:
        listed = ", ".join(f"{number}/{of}" for number in missing[:MOST_NAMED])
        listed += f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
        raise UsageError(
            f"shards that are missing: {listed}",
            mend="run them (--shard I/N), or name their --out directories too",
        )
    return dict(sorted(shares.items()))


def _lacking(parts: Sequence[Part], journals: dict[Path, Journal]) -> Iterator[tuple[str, int]]:
    """Yield each share that was stopped before its end, and how many maps it lacks."""
    for part in parts:
        if part.shard is None:
            continue
        known = journals[part.out].known.values()
        done = sum(part.shard.holds(heard(record, "input")) for record in known)
        if (lacks := part.run.get("maps", 0) - done) > 0:
            yield f"{part.shard.number}/{part.shard.of}", lacks


def _lines(journals: Sequence[tuple[Path, Journal]], parts: Sequence[Part]) -> list[Record]:
    """Return the journal of all, in order of names; the files of all stand in the first."""
    home = journals[0]
    base = _base(parts)["directory"]
    runs = {(part.out, part.tag): part.run for part in parts}
    lines: dict[str, Record] = {}
    for out, told in journals:
        for stem, record in told.known.items():
            if out != home[0]:
                bring(record, out, home)
            run = runs.get((out, told.homes[stem])) or next(p.run for p in parts if p.out == out)
            line: Record = {key: value for key, value in record.items() if key != "turn"}
            if run["directory"] != base:
                line["sources"] = [_anchored(s, run["directory"]) for s in record["sources"]]
            if stem not in lines or line["status"] == "ok":
                lines[stem] = line
    return sorted(lines.values(), key=lambda r: (r["input"], r["method"], r["target"], r["stem"]))


def _anchored(source: SourceRecord, directory: str) -> Record:
    """Return a source whose path does not depend on where its share was run."""
    path = os.path.join(directory, heard(source, "path"))
    rest = {key: value for key, value in source.items() if key not in ("path", "path_b64")}
    return {**rest, **spoken("path", path)}


def _base(parts: Sequence[Part]) -> RunRecord:
    """Return the record that stands for all: one of a share that opened the model."""
    opened = [part.run for part in parts if part.run["signature"]["outputs"]]
    return opened[0] if opened else parts[0].run


def _write(
    out: Path,
    parts: Sequence[Part],
    shares: dict[int, dict[str, Any]],
    lines: Sequence[Record],
    lacking: dict[str, int],
) -> Merged:
    """Write journal and record, then take away those of the shares."""
    write_whole(out / "".join(journal.NAMES), "".join(dump(r) + "\n" for r in lines).encode())
    base = _base(parts)
    kept = {key: value for key, value in base.items() if key != "shard"}
    kept["options"] = {**base["options"], "shard": {"value": None, "source": "merge"}}
    save_run(out, {**kept, "maps": len(lines), "shards": list(shares.values())})
    sync_folder(out)
    for before, after in (
        run_record.NAMES,
        journal.NAMES,
        pending_files.NAMES,
        (LOCK, ""),
    ):
        for tag in filter(None, tags_in(out, before, after)):
            with contextlib.suppress(FileNotFoundError):
                (out / f"{before}{tag}{after}").unlink()
    failed = sum(line["status"] == "failed" for line in lines)
    return Merged(out, len(shares), len(lines), failed, lacking)

"""`run.json`, of a share `run.I-of-N.json`: what was asked, with what, and how it was computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from inputgrad_cli.errors import UsageError
from inputgrad_cli.formats.attribution_npz import dump
from inputgrad_cli.schema.check_types import Problem, Problems
from inputgrad_cli.schema.limits import MAX_RUN
from inputgrad_cli.schema.read_records import NoRecordError, read_as, read_whole
from inputgrad_cli.schema.records import RunRecord
from inputgrad_cli.storage.atomic_write import write_whole
from inputgrad_cli.storage.record_errors import WrongRecord
from inputgrad_cli.storage.shards import shard_of, tags_in

NAMES = ("run", ".json")
REMOVE = "choose another --out, or remove that file"


def read_runs(out: Path, wrong: list[WrongRecord] | None = None) -> dict[str, RunRecord]:
    """Return the records of a run and its shares by mark, the whole first.

    Raises UsageError for one that cannot be read; with `wrong`, what is wrong is put there.
    """
    runs = {}
    for tag in tags_in(out, *NAMES):
        run, problems = _read(out / tag.join(NAMES), tag)
        if run is not None:
            runs[tag] = run
            continue
        refused = [WrongRecord(tag.join(NAMES), str(problem)) for problem in problems]
        if wrong is None:
            raise refused[0].error(out, REMOVE)
        wrong += refused
    return runs


def read_run(out: Path, tag: str = "") -> RunRecord | None:
    """Return the record of a run, else of any share of it; None where there is none; UsageError."""
    runs = read_runs(out)
    return runs.get(tag) or next(iter(runs.values()), None)


def no_run(out: Path) -> UsageError:
    """Return the error of a directory without a run."""
    return UsageError(f"{out}: holds no run", mend="name the --out directory of a saliency call")


def _read(path: Path, tag: str) -> tuple[RunRecord | None, Problems]:
    try:
        run, problems = read_as(RunRecord, read_whole(path, MAX_RUN))
    except NoRecordError as error:
        return None, (Problem((), str(error)),)
    except OSError as error:
        return None, (Problem((), f"cannot be read: {error.strerror}"),)
    if run is None:
        return None, problems
    problems = tuple(_wrong_shards(run, tag))
    return (None, problems) if problems else (run, ())


def _wrong_shards(run: RunRecord, tag: str) -> Iterator[Problem]:
    """Yield what does not fit of the share that a record is of, and of those that were joined."""
    shard, expected = run.get("shard"), shard_of(tag)
    if shard != (None if expected is None else asdict(expected)):
        words = "no share" if expected is None else f"share {expected.number} of {expected.of}"
        yield Problem(("shard",), f"expected {words}, as the file is named")
    shares = [each["shard"] for each in run.get("shards", ())]
    for number, share in enumerate(shares):
        if share["number"] >= share["of"] or share["of"] != shares[0]["of"]:
            yield Problem(("shards", number, "shard"), "is not a share of the same run")


def save_run(out: Path, record: Mapping[str, object], tag: str = "") -> None:
    """Write the record of a run, whole or not at all; StorageError."""
    write_whole(out / tag.join(NAMES), (dump(record, indent=1) + "\n").encode(), tag)

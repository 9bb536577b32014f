"""`run.json`, of a share `run.I-of-N.json`: what was asked, with what, and how it was computed."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from inputgrad_cli.errors import UsageError
from inputgrad_cli.formats.results import dump
from inputgrad_cli.jobs.job import Job
from inputgrad_cli.jobs.plan import Plan
from inputgrad_cli.jobs.shards import shard_of, tag_of, tags_in
from inputgrad_cli.jobs.store import write_whole
from inputgrad_cli.jobs.styles import OPTIONS
from inputgrad_cli.jobs.wrong import WrongRecord
from inputgrad_cli.schema.bounds import MAX_RUN
from inputgrad_cli.schema.check import Problem, Problems
from inputgrad_cli.schema.read import NoRecordError, read_as, read_whole
from inputgrad_cli.schema.records import RunRecord
from inputgrad_cli.signature import Signature

NAMES = ("run", ".json")
SCHEMA = 1
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


def refuse_other_model(plan: Plan) -> None:
    """Raise UsageError where the directory holds the results of another model."""
    if plan.job.on_exists == "overwrite":
        return
    for run in read_runs(plan.job.out).values():
        if run["model"]["sha256"] == plan.file.sha256:
            continue
        raise UsageError(
            f"--out {plan.job.out}: holds results of another model ({run['model']['path']})",
            reason="the file's content differs",
            mend="choose another --out, or use --on-exists overwrite",
        )


def write_run(
    plan: Plan, signature: Signature | None, versions: dict[str, str], how: dict[str, Any]
) -> None:
    """Write `run.json`; `how` says mode and batch size.

    Without `signature`, that of a model that was never opened, the archive tells the inputs.
    """
    job = plan.job
    inputs = signature.inputs if signature else plan.outline.inputs or ()
    record = {
        "schema": SCHEMA,
        "versions": {**versions, "python": platform.python_version()},
        "platform": platform.platform(),
        "argv": list(job.argv),
        "directory": os.getcwd(),
        "options": dict(job.options),
        "aliases": dict(job.aliases),
        "model": {"path": str(job.model), "size": plan.file.size, "sha256": plan.file.sha256},
        "signature": {
            "inputs": [asdict(port) for port in inputs],
            "outputs": [asdict(head) for head in signature.outputs] if signature else [],
        },
        **how,
    }
    if job.shard:
        record["shard"] = asdict(job.shard)
    record["maps"] = len(plan.share) * len(plan.maps)
    save_run(job.out, record, tag_of(job.shard))
    if job.on_exists == "overwrite" and not job.shard:
        for tag in tags_in(job.out, *NAMES):
            if tag:  # what its journal tells stays known; the run is this one now
                (job.out / tag.join(NAMES)).unlink(missing_ok=True)


def note_pictures(job: Job) -> None:
    """Write into the record of a run how its pictures were asked for last; StorageError."""
    tag = tag_of(job.shard)
    run = read_runs(job.out).get(tag)
    asked = {name: job.options[name] for name in OPTIONS.values() if name in job.options}
    if run and any(run["options"].get(name) != value for name, value in asked.items()):
        save_run(job.out, {**run, "options": {**run["options"], **asked}}, tag)


def save_run(out: Path, record: Mapping[str, object], tag: str = "") -> None:
    """Write the record of a run, whole or not at all; StorageError."""
    write_whole(out / tag.join(NAMES), (dump(record, indent=1) + "\n").encode(), tag)

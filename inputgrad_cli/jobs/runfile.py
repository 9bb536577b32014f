"""`run.json`, of a share `run.I-of-N.json`: what was asked, with what, and how it was computed."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

from inputgrad_cli.errors import UsageError
from inputgrad_cli.formats.results import dump
from inputgrad_cli.jobs.job import Job
from inputgrad_cli.jobs.plan import Plan
from inputgrad_cli.jobs.shards import tag_of, tags_in
from inputgrad_cli.jobs.store import write_whole
from inputgrad_cli.jobs.styles import OPTIONS
from inputgrad_cli.signature import Signature

NAMES = ("run", ".json")
SCHEMA = 1
Record = dict[str, Any]


def read_runs(out: Path) -> dict[str, Record]:
    """Return the records of a run and its shares by mark, the whole first; UsageError."""
    return {tag: _read(out / tag.join(NAMES)) for tag in tags_in(out, *NAMES)}


def read_run(out: Path, tag: str = "") -> Record | None:
    """Return the record of a run, else of any share of it; None where there is none; UsageError."""
    runs = read_runs(out)
    return runs.get(tag) or next(iter(runs.values()), None)


def no_run(out: Path) -> UsageError:
    """Return the error of a directory without a run."""
    return UsageError(f"{out}: holds no run", mend="name the --out directory of a saliency call")


def _read(path: Path) -> Record:
    try:
        run = json.loads(path.read_bytes())
        if run["schema"] != SCHEMA:
            raise ValueError(run["schema"])
        Path(run["directory"]), run["model"]["sha256"], run["signature"]["inputs"], run["options"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(
            f"{path}: not the record of a run", mend="choose another --out, or remove that file"
        ) from None
    return dict(run)


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


def save_run(out: Path, record: Record, tag: str = "") -> None:
    """Write the record of a run, whole or not at all; StorageError."""
    write_whole(out / tag.join(NAMES), (dump(record, indent=1) + "\n").encode(), tag)

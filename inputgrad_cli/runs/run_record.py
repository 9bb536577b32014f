"""What a run writes into its `run.json`, and when it may write there at all."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from typing import Any

from inputgrad_cli.data.signature import Signature
from inputgrad_cli.errors import UsageError
from inputgrad_cli.runs.planning.options import Job
from inputgrad_cli.runs.planning.plan import Plan
from inputgrad_cli.storage.run_record import NAMES, read_runs, save_run
from inputgrad_cli.storage.shards import tag_of, tags_in
from inputgrad_cli.storage.styles import OPTIONS

SCHEMA = 1


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

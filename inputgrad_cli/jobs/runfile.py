"""`run.json`: what a run was asked, with what, and how it was computed."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

from inputgrad_cli.errors import UsageError
from inputgrad_cli.formats.results import dump
from inputgrad_cli.jobs.plan import Plan
from inputgrad_cli.jobs.store import write_whole
from inputgrad_cli.signature import Signature

NAME = "run.json"
SCHEMA = 1


def read_run(out: Path) -> dict[str, Any] | None:
    """Return what stands in `run.json`, None where there is none; UsageError if it is no such."""
    path = out / NAME
    if not path.exists():
        return None
    try:
        run = json.loads(path.read_bytes())
        if run["schema"] != SCHEMA:
            raise ValueError(run["schema"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(
            f"{path}: not the record of a run", mend="choose another --out, or remove that file"
        ) from None
    return dict(run)


def refuse_other_model(run: dict[str, Any] | None, plan: Plan) -> None:
    """Raise UsageError where the directory holds the results of another model."""
    if run is None or plan.job.on_exists == "overwrite":
        return
    if run["model"]["sha256"] != plan.file.sha256:
        raise UsageError(
            f"--out {plan.job.out}: holds results of another model ({run['model']['path']})",
            reason="the file's content differs",
            mend="choose another --out, or use --on-exists overwrite",
        )


def write_run(
    plan: Plan, signature: Signature, versions: dict[str, str], how: dict[str, Any]
) -> None:
    """Write `run.json`; `how` says mode and batch size."""
    job = plan.job
    record = {
        "schema": SCHEMA,
        "versions": {**versions, "python": platform.python_version()},
        "platform": platform.platform(),
        "argv": list(job.argv),
        "directory": os.getcwd(),
        "options": dict(job.options),
        "model": {"path": str(job.model), "size": plan.file.size, "sha256": plan.file.sha256},
        "signature": {
            "inputs": [asdict(port) for port in signature.inputs],
            "outputs": [asdict(head) for head in signature.outputs],
        },
        **how,
    }
    write_whole(job.out / NAME, (dump(record, indent=1) + "\n").encode())

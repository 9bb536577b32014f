"""Writes the `run.json` of a run, and refuses directories of other models."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict

from inputgrad_cli.data.signature import OutputSpec, Signature
from inputgrad_cli.errors import UsageError
from inputgrad_cli.runs.planning.run_options import RunOptions
from inputgrad_cli.runs.planning.run_plan import Plan
from inputgrad_cli.schema.json_type_alias import JsonObject
from inputgrad_cli.storage.run_json_files import RUN_FILE, read_runs, save_run
from inputgrad_cli.storage.shard_file_names import to_tag
from inputgrad_cli.storage.stored_picture_style import OPTION_BY_FIELD

SCHEMA = 1  # version of `run.json`


def refuse_other_model(plan: Plan) -> None:
    """Raise UsageError if the directory holds the results of another model."""
    if plan.options.on_exists == "overwrite":
        return
    for run in read_runs(plan.options.out).values():
        if run["model"]["sha256"] == plan.model_file.sha256:
            continue
        raise UsageError(
            f"--out {plan.options.out}: holds results of another model ({run['model']['path']})",
            reason="the file's content differs",
            hint="choose another --out, or use --on-exists overwrite",
        )


def write_run(
    plan: Plan, signature: Signature | None, versions: dict[str, str], schedule: JsonObject
) -> None:
    """Write `run.json`; `schedule` has mode and batch size.

    If the model was never opened, `signature` is None and the inputs come from the model file.
    """
    options = plan.options
    inputs = signature.inputs if signature else plan.outline.inputs or ()
    record = {
        "schema": SCHEMA,
        "versions": {**versions, "python": platform.python_version()},
        "platform": platform.platform(),
        "argv": list(options.argv),
        # The paths of inputs in the journal are relative to it.
        "directory": os.getcwd(),
        "options": dict(options.option_records),
        "aliases": dict(options.aliases),
        "model": {
            "path": str(options.model),
            "size": plan.model_file.size,
            "sha256": plan.model_file.sha256,
        },
        "signature": {
            "inputs": [asdict(spec) for spec in inputs],
            "outputs": [_to_record(output) for output in signature.outputs] if signature else [],
        },
        **schedule,
    }
    if options.shard:
        record["shard"] = asdict(options.shard)
    record["maps"] = len(plan.share) * len(plan.maps)
    save_run(options.out, record, to_tag(options.shard))
    # This run replaces those of all shards, whose records would claim the same maps.
    if options.on_exists == "overwrite" and not options.shard:
        for tag in RUN_FILE.list_tags(options.out):
            if tag:  # the shard's journal stays; only its record is replaced by this run's
                (options.out / RUN_FILE.get_name(tag)).unlink(missing_ok=True)


def _to_record(output: OutputSpec) -> JsonObject:
    """Return the fields of an output; `logits_verified` is stored as `proved`."""
    # Earlier versions have written this name, and directories are read by newer ones.
    names = {"logits_verified": "proved"}
    return {names.get(name, name): value for name, value in asdict(output).items()}


def note_pictures(options: RunOptions) -> None:
    """Write the latest picture options into the record of a run. Raises StorageError."""
    tag = to_tag(options.shard)
    run = read_runs(options.out).get(tag)
    picture_options = {
        name: options.option_records[name]
        for name in (*OPTION_BY_FIELD.values(), "show")
        if name in options.option_records
    }
    if run and any(run["options"].get(name) != value for name, value in picture_options.items()):
        save_run(options.out, {**run, "options": {**run["options"], **picture_options}}, tag)

"""Reads and writes `run.json`, or `run.I-of-N.json` of a shard: options, model, and settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from inputgrad_cli.errors import UsageError
from inputgrad_cli.formats.attribution_npz_writer import dump_json
from inputgrad_cli.schema.field_constraints import Problem, Problems
from inputgrad_cli.schema.record_limits import MAX_RUN_BYTES
from inputgrad_cli.schema.run_json import RunRecord
from inputgrad_cli.schema.safe_record_reading import (
    InvalidRecordError,
    parse_record,
    read_record_bytes,
)
from inputgrad_cli.storage.atomic_write import write_atomically
from inputgrad_cli.storage.record_errors import InvalidRecord
from inputgrad_cli.storage.shard_file_names import RecordFile, parse_tag

RUN_FILE = RecordFile("run", ".json")
REMOVE_HINT = "choose another --out, or remove that file"


def read_runs(out: Path, invalid: list[InvalidRecord] | None = None) -> dict[str, RunRecord]:
    """Return the records of a run and of its shards by tag, that of the complete run first.

    Raises UsageError for an invalid record; if a list `invalid` is given, it is added to that.
    """
    runs = {}
    for tag in RUN_FILE.list_tags(out):
        run, problems = _read_record(out / RUN_FILE.get_name(tag), tag)
        if run is not None:
            runs[tag] = run
            continue
        refusals = [InvalidRecord(RUN_FILE.get_name(tag), str(problem)) for problem in problems]
        if invalid is None:
            raise refusals[0].to_usage_error(out, REMOVE_HINT)
        invalid += refusals
    return runs


def read_existing_runs(
    out: Path, invalid: list[InvalidRecord] | None = None
) -> dict[str, RunRecord]:
    """Return what `read_runs` returns; UsageError also if the directory has no record at all."""
    runs = read_runs(out, invalid)
    if not runs and not invalid:
        hint = "name the --out directory of a call of saliency or optimize"
        raise UsageError(f"{out}: holds no run", hint=hint)
    return runs


def select_run(runs: Mapping[str, RunRecord], tag: str) -> RunRecord | None:
    """Return the record with this tag, or any record of the run, or None."""
    # `verify` and `render` add their lines to the journal of the complete run, which has no record
    # of its own before its shards are merged.
    return runs.get(tag) or next(iter(runs.values()), None)


def _read_record(path: Path, tag: str) -> tuple[RunRecord | None, Problems]:
    try:
        run, problems = parse_record(RunRecord, read_record_bytes(path, MAX_RUN_BYTES))
    except InvalidRecordError as error:
        return None, (Problem((), str(error)),)
    except OSError as error:
        return None, (Problem((), f"cannot be read: {error.strerror}"),)
    if run is None:
        return None, problems
    problems = tuple(_find_wrong_shards(run, tag))
    return (None, problems) if problems else (run, ())


def _find_wrong_shards(run: RunRecord, tag: str) -> Iterator[Problem]:
    """Yield the problems of a record's own shard and of the shards that were merged into it."""
    shard, expected = run.get("shard"), parse_tag(tag)
    if shard != (None if expected is None else asdict(expected)):
        words = "no shard" if expected is None else f"shard {expected.number} of {expected.of}"
        yield Problem(("shard",), f"expected {words}, as the file is named")
    shards = [record["shard"] for record in run.get("shards", ())]
    for index, merged in enumerate(shards):
        if merged["number"] >= merged["of"] or merged["of"] != shards[0]["of"]:
            yield Problem(("shards", index, "shard"), "is not a shard of the same run")


def save_run(out: Path, record: Mapping[str, object], tag: str = "") -> None:
    """Write the record of a run atomically; StorageError."""
    write_atomically(
        out / RUN_FILE.get_name(tag), (dump_json(record, indent=1) + "\n").encode(), tag
    )

"""Merges the shards of a run into one directory with one `run.json` and one journal."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inputgrad_cli.data.shard import Shard
from inputgrad_cli.errors import UsageError
from inputgrad_cli.formats.attribution_npz_writer import dump_json
from inputgrad_cli.schema.file_names_in_json import decode_name, encode_name
from inputgrad_cli.schema.journal_line import SourceRecord
from inputgrad_cli.schema.json_type_alias import JsonObject
from inputgrad_cli.schema.run_json import RunRecord
from inputgrad_cli.storage.atomic_write import sync_folder, write_atomically
from inputgrad_cli.storage.journal import Record
from inputgrad_cli.storage.map_file_copying import copy_map_files
from inputgrad_cli.storage.output_directory_lock import LOCK_FILE
from inputgrad_cli.storage.pending_files import PENDING_FILE
from inputgrad_cli.storage.run_directory import RunDirectory
from inputgrad_cli.storage.run_json_files import RUN_FILE, read_existing_runs, save_run
from inputgrad_cli.storage.shard_file_names import JOURNAL_FILE, parse_tag

# What decides arrays or pictures. In other options, such as --device, shards may differ.
DECIDING_OPTIONS = (
    *("method", "target", "truth", "space", "wrt", "baseline", "labels", "code", "preprocess"),
    *("columns", "lines"),
    *("resize", "interp", "frame", "input_range", "precision", "seed", "tolerance", "check_grad"),
    *("picture", "cmap", "reduce", "clip", "alpha", "scale", "zoom", "show", "alphabet"),
    *("on", "smooth", "keep"),
    *("goal", "until", "freeze", "ranges", "data", "where", "gif"),
)
FILE_OPTIONS = (
    "truth",
    "labels",
    "code",
    "ranges",
    "data",
    "where",
)  # compared by name; folders differ between machines
MAX_NAMED_SHARDS = 20  # in the message that shards are missing
# What is kept of each shard, because shards may run on machines of different kinds.
SHARD_FIELDS = ("argv", "directory", "platform", "versions", "mode", "batch_size")


@dataclass(frozen=True)
class RunPart:
    """A record of a run: of a shard, or of the complete run."""

    directory: RunDirectory
    tag: str

    @property
    def run(self) -> RunRecord:
        """Return the record itself."""
        return self.directory.runs[self.tag]

    @property
    def shard(self) -> Shard | None:
        """Return the shard of the record, None for the complete run."""
        return parse_tag(self.tag)

    def __str__(self) -> str:
        suffix = f" (shard {self.shard})" if self.shard else ""
        return f"{self.directory.out}{suffix}"


@dataclass(frozen=True)
class MergeResult:
    """The merged run; `lacking` has the number of maps that are missing, by shard."""

    run: Path
    shards: int
    maps: int
    failed: int
    lacking: dict[str, int]


def merge(outs: Sequence[Path]) -> MergeResult:
    """Merge the shards in these directories into the first; UsageError, BusyError, StorageError."""
    # A directory that is named twice, perhaps through a link, would wait for its own lock.
    folders = list({os.path.realpath(out): out for out in outs}.values())
    for out in folders:
        runs = read_existing_runs(out)
        if not any(tag or run.get("shards") for tag, run in runs.items()):
            raise UsageError(
                f"{out}: its run was not shared", hint="merge joins what --shard I/N made"
            )
    with ExitStack() as locks:
        directories = [locks.enter_context(RunDirectory.open_locked(out)) for out in folders]
        parts = [RunPart(directory, tag) for directory in directories for tag in directory.runs]
        _refuse_other_runs(parts)
        shards = _collect_shards(parts)
        lacking = dict(_count_missing_maps(parts))
        lines = _merge_lines(directories, base=_choose_base(parts)["directory"])
        return _write_merged(folders[0], parts, shards, lines, lacking)


def _refuse_other_runs(parts: Sequence[RunPart]) -> None:
    """Raise UsageError if the parts have different models or options."""
    first = parts[0]
    for part in parts[1:]:
        if part.run["model"]["sha256"] != first.run["model"]["sha256"]:
            models = [f"{p.run['model']['path']} in {p}" for p in (first, part)]
            raise UsageError("these are runs of two models: " + ", ".join(models))
        for name in DECIDING_OPTIONS:
            first_value, value = (_get_option(p.run, name) for p in (first, part))
            if first_value != value:
                option = "--" + name.replace("_", "-")
                raise UsageError(
                    f"{option} differs: {first_value} in {first}, {value} in {part}",
                    hint="run one of them again with the other's options",
                )


def _get_option(run: RunRecord, name: str) -> Any:
    options: Mapping[str, Any] = run["options"]
    value = options.get(name, {}).get("value")
    if name not in FILE_OPTIONS or value is None:
        return value
    return [Path(path).name for path in value] if isinstance(value, list) else Path(value).name


def _collect_shards(parts: Sequence[RunPart]) -> dict[int, JsonObject]:
    """Return the fields to keep of each shard, by its index; UsageError if one is missing."""
    shards: dict[int, JsonObject] = {}
    part_by_count: dict[int, RunPart] = {}
    for part in parts:
        records: Sequence[Any] = [part.run] if part.shard else part.run.get("shards", [])
        for record in records:
            part_by_count.setdefault(record["shard"]["of"], part)
            fields = ("shard", *SHARD_FIELDS)
            shards[record["shard"]["number"]] = {k: record[k] for k in fields if k in record}
    if len(part_by_count) > 1:
        (count, part), (other_count, other), *_ = part_by_count.items()
        raise UsageError(f"{part} is of {count} shards, {other} of {other_count}")
    (count,) = part_by_count
    if missing := [f"{index}/{count}" for index in range(count) if index not in shards]:
        names = ", ".join(missing[:MAX_NAMED_SHARDS])
        if len(missing) > MAX_NAMED_SHARDS:
            names += f" and {len(missing) - MAX_NAMED_SHARDS} more"
        raise UsageError(
            f"shards that are missing: {names}",
            hint="run them (--shard I/N), or name their --out directories too",
        )
    return dict(sorted(shards.items()))


def _count_missing_maps(parts: Sequence[RunPart]) -> Iterator[tuple[str, int]]:
    """Yield each shard that was stopped before its end, and the number of its missing maps."""
    for part in parts:
        if part.shard is None:
            continue
        lines = part.directory.journal.lines.values()
        done = sum(part.shard.has_item(decode_name(line, "input")) for line in lines)
        if (missing := part.run.get("maps", 0) - done) > 0:
            yield str(part.shard), missing


def _merge_lines(directories: Sequence[RunDirectory], base: str) -> list[Record]:
    """Copy all files into the first directory; return the lines of its journal, sorted by name.

    Paths of inputs become absolute where a run's working directory was not `base`.
    """
    destination = directories[0]
    lines: dict[str, Record] = {}
    for directory in directories:
        for stored in directory.yield_maps():
            if directory is not destination:
                copy_map_files(stored, destination)
            line: Record = {key: value for key, value in stored.line.items() if key != "turn"}
            if stored.run is not None and (folder := stored.run["directory"]) != base:
                line["sources"] = [
                    _make_source_absolute(source, folder) for source in stored.line["sources"]
                ]
            # If two shards have a map, one that succeeded replaces one that failed.
            if stored.stem not in lines or line["status"] == "ok":
                lines[stored.stem] = line
    # The order in which the shards are named must not decide the bytes of the journal.
    return sorted(lines.values(), key=lambda r: (r["input"], r["method"], r["target"], r["stem"]))


def _make_source_absolute(source: SourceRecord, directory: str) -> Record:
    """Return a source with a path that does not depend on the working directory of its shard."""
    path = os.path.join(directory, decode_name(source, "path"))
    rest = {key: value for key, value in source.items() if key not in ("path", "path_b64")}
    return {**rest, **encode_name("path", path)}


def _choose_base(parts: Sequence[RunPart]) -> RunRecord:
    """Return the record that the merged one is based on, if possible of a shard with a model."""
    # A shard without items never opens the model, and records no outputs.
    opened = [part.run for part in parts if part.run["signature"]["outputs"]]
    return opened[0] if opened else parts[0].run


def _write_merged(
    out: Path,
    parts: Sequence[RunPart],
    shards: dict[int, JsonObject],
    lines: Sequence[Record],
    lacking: dict[str, int],
) -> MergeResult:
    """Write the journal and the record of the merged run, then remove those of the shards."""
    write_atomically(
        out / JOURNAL_FILE.get_name(), "".join(dump_json(r) + "\n" for r in lines).encode()
    )
    base = _choose_base(parts)
    record = {key: value for key, value in base.items() if key != "shard"}
    record["options"] = {**base["options"], "shard": {"value": None, "source": "merge"}}
    save_run(out, {**record, "maps": len(lines), "shards": list(shards.values())})
    # The records of the shards go last, and only once the new ones are durable, so that a merge
    # which was killed finds everything it needs again.
    sync_folder(out)
    for record_file in (RUN_FILE, JOURNAL_FILE, PENDING_FILE, LOCK_FILE):
        for tag in filter(None, record_file.list_tags(out)):
            (out / record_file.get_name(tag)).unlink(missing_ok=True)
    failed = sum(line["status"] == "failed" for line in lines)
    return MergeResult(out, len(shards), len(lines), failed, lacking)

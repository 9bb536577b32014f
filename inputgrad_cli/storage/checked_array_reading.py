"""Opens the arrays of a run's maps and compares them with their journal lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from inputgrad_cli.data.attribution_results import Attribution
from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.read_attribution import open_result
from inputgrad_cli.schema.file_names_in_json import decode_name
from inputgrad_cli.schema.journal_line import JournalLine
from inputgrad_cli.schema.metadata_json import ResultRecord
from inputgrad_cli.schema.run_json import RunRecord
from inputgrad_cli.storage.safe_run_paths import check_file


def open_arrays(out: Path, name: str, line: JournalLine, *, run: RunRecord | None) -> RecordedMap:
    """Return the content of an array file; ItemError if it contradicts its journal line.

    The kind of the error is `unreadable`, or `changed` if the file can be read.
    """
    try:
        size = check_file(out, name).st_size
    except OSError as error:
        reason = str(error.strerror)
        raise ItemError(f"{out / name}: cannot be read", reason=reason, kind="unreadable") from None
    expected_sizes = [f["size"] for f in line.get("files", ()) if decode_name(f, "path") == name]
    if expected_sizes != [size]:  # checked first, because reading a huge file takes long
        raise _build_changed_error(out / name, f"has {size} bytes, not {expected_sizes[0]}")
    attribution = open_result(out / name)
    for field, stored, expected in _yield_claims(attribution, line, run):
        if expected is not None and stored != expected:
            reason = f"{field}: {stored} in the file, {expected} in the journal"
            raise _build_changed_error(out / name, reason)
    return RecordedMap.from_attribution(attribution)


def _build_changed_error(path: Path, reason: str) -> ItemError:
    return ItemError(f"{path}: does not match its journal line", reason=reason, kind="changed")


def _yield_claims(
    attribution: Attribution, line: JournalLine, run: RunRecord | None
) -> Iterator[tuple[str, Any, Any]]:
    """Yield (field, value in the file, value in the line); the last is None in older lines."""
    metadata = cast(ResultRecord, attribution.metadata)
    shapes = {site: list(array.shape) for site, array in attribution.values.items()}
    yield "shapes", shapes, line.get("shapes")
    yield "method", metadata["method"]["label"], line["method"]
    has_file_per_sample = line.get("apart", False)
    is_many = line.get("samples") is not None and not has_file_per_sample
    yield "many samples", metadata["many"], is_many
    if metadata["many"]:
        count = next(iter(attribution.values.values())).shape[0]
        yield "samples", count, line.get("samples")
    model = metadata.get("model")
    if run is not None and model is not None:
        yield "model", model["sha256"], run["model"]["sha256"]

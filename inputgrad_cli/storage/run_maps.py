"""The arrays of a run's maps, opened as their journal lines tell, and held against them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inputgrad_cli.data.attribution import Attribution
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.read_attribution import open_result
from inputgrad_cli.schema.encoded_names import heard
from inputgrad_cli.schema.records import JournalLine, RunRecord
from inputgrad_cli.storage.run_paths import check_file


def result_names(line: JournalLine) -> list[str]:
    """Return the names of the arrays of a map; samples of unequal shapes have a file each."""
    names = (heard(file, "path") for file in line.get("files", ()))
    return [name for name in names if name.endswith(".npz")]


def open_map(out: Path, name: str, line: JournalLine, run: RunRecord | None) -> Attribution:
    """Return what one of these files holds; ItemError where it is not what its line tells.

    Kinds are `unreadable`, and `changed` where it can be read.
    """
    try:
        size = check_file(out, name).st_size
    except OSError as error:
        reason = str(error.strerror)
        raise ItemError(f"{out / name}: cannot be read", reason=reason, kind="unreadable") from None
    expected_sizes = [f["size"] for f in line.get("files", ()) if heard(f, "path") == name]
    if expected_sizes != [size]:  # before it is gone through, which takes long for a huge one
        raise _changed(out / name, f"has {size} bytes, not {expected_sizes[0]}")
    attribution = open_result(out / name)
    for what, stored, expected in _claims(attribution, line, run):
        if expected is not None and stored != expected:
            raise _changed(out / name, f"{what}: {stored} in the file, {expected} in the journal")
    return attribution


def _changed(path: Path, reason: str) -> ItemError:
    return ItemError(f"{path}: not what its journal line tells", reason=reason, kind="changed")


def _claims(
    attribution: Attribution, line: JournalLine, run: RunRecord | None
) -> Iterator[tuple[str, Any, Any]]:
    """Yield what a file and its line both tell; None where an older line does not."""
    about = attribution.metadata
    shapes = {site: list(array.shape) for site, array in attribution.values.items()}
    yield "shapes", shapes, line.get("shapes")
    yield "method", about["method"]["label"], line["method"]
    apart = line.get("apart", False)
    yield "many samples", attribution.many, line.get("samples") is not None and not apart
    if attribution.many:
        count = next(iter(attribution.values.values())).shape[0]
        yield "samples", count, line.get("samples")
    model = about.get("model")
    if run is not None and model is not None:
        yield "model", model["sha256"], run["model"]["sha256"]

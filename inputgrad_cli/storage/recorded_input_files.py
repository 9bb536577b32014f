"""Finds the input files that a journal line names, and checks that they may be opened."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from inputgrad_cli.errors import ItemError
from inputgrad_cli.file_hashes import compute_sha256
from inputgrad_cli.formats.bounded_file_reading import build_read_error, get_file_size
from inputgrad_cli.schema.file_names_in_json import decode_name
from inputgrad_cli.schema.journal_line import JournalLine, SourceRecord
from inputgrad_cli.schema.run_json import RunRecord

SOURCE_KIND = "source"  # kind of the error for a file that is not, or no longer, the input of a map


def find_sources(
    line: JournalLine, first: JournalLine, run: RunRecord, out: Path
) -> dict[str | None, Path]:
    """Return the files by model input; ItemError if one is not what the map was made of.

    Somebody may have changed a record so that it names a file that was never an input. Therefore a
    file is opened only if its path ends in the name of its item. A file that is shared by all items
    has another name; `first`, the journal's first line, must name it as well. Finally, the content
    must have the hash in the line, which lines of earlier versions do not contain.
    """
    home = Path(run["directory"])
    _refuse_other_inputs(line, run)
    if not any(_is_named_after_item(source, line) for source in line["sources"]):
        raise _build_wrong_name_error(line)
    paths: dict[str | None, Path] = {}
    for source in line["sources"]:
        if not (_is_named_after_item(source, line) or _is_shared_file(source, first)):
            raise _build_wrong_name_error(line)
        path = home / decode_name(source, "path")
        _refuse_run_files(path, out)
        _check_content(path, source.get("sha256"))
        paths[source["for"]] = path
    return paths


def refuse_changed(line: JournalLine, paths: Mapping[str | None, Path]) -> None:
    """Raise ItemError if one of the files of a map has another content than its line says."""
    for source in line["sources"]:
        if source["for"] not in paths:  # the item was given in another way before
            raise ItemError("its files are those of other inputs", kind=SOURCE_KIND)
        _check_content(paths[source["for"]], source.get("sha256"))


def _refuse_other_inputs(line: JournalLine, run: RunRecord) -> None:
    """Raise ItemError unless there is one file for all model inputs, or one for each of them."""
    recorded = [source["for"] for source in line["sources"]]
    names = [record["name"] for record in run["signature"]["inputs"]]
    if not names or (recorded != [None] and sorted(map(str, recorded)) != sorted(names)):
        reason = "its record names files for other inputs than the model's"
        raise ItemError(reason, kind=SOURCE_KIND)


def _is_named_after_item(source: SourceRecord, line: JournalLine) -> bool:
    """Return whether a path ends in the item's name; the suffix may differ for a named input."""
    path, name = (PurePosixPath(decode_name(r, k)) for r, k in ((source, "path"), (line, "input")))
    if source["for"] is not None:
        path, name = path.with_suffix(""), name.with_suffix("")
    return path.parts[-len(name.parts) :] == name.parts


def _is_shared_file(source: SourceRecord, first: JournalLine) -> bool:
    """Return whether the first line has a file with this name and content for the same input."""
    if source["for"] is None or "sha256" not in source:
        return False
    name = os.path.basename(decode_name(source, "path"))
    return any(
        other["for"] == source["for"]
        and other.get("sha256") == source["sha256"]
        and os.path.basename(decode_name(other, "path")) == name
        for other in first["sources"]
    )


def _build_wrong_name_error(line: JournalLine) -> ItemError:
    name = decode_name(line, "input")
    return ItemError(f"its record names a file that is not called {name}", kind=SOURCE_KIND)


def _refuse_run_files(path: Path, out: Path) -> None:
    """Raise ItemError for a file of the run itself, because those are results, not inputs."""
    if Path(os.path.abspath(path)).is_relative_to(os.path.abspath(out)):
        raise ItemError(f"its record names a file of the run, {path}", kind=SOURCE_KIND)


def _check_content(path: Path, expected: str | None) -> None:
    if not os.path.exists(path):
        raise ItemError("its input is gone", kind=SOURCE_KIND)
    get_file_size(path)  # raises ItemError for anything but a regular file, before it is opened
    if expected is None:
        return
    try:
        same = compute_sha256(path) == expected
    except OSError as error:
        raise build_read_error(path, error) from None
    if not same:
        raise ItemError(f"its input {path} has changed", kind=SOURCE_KIND)

"""The files that a map was made of, as its journal line names them: when they may be opened."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.files import size_of, unreadable
from inputgrad_cli.hashing import sha256_of
from inputgrad_cli.schema.encoded_names import heard
from inputgrad_cli.schema.records import JournalLine, RunRecord, SourceRecord

SOURCE = "source"  # the kind of error of a file that is not, or not any more, what a map is of


def find_sources(
    line: JournalLine, first: JournalLine, run: RunRecord, out: Path
) -> dict[str | None, Path]:
    """Return the files by model input; ItemError where one is not what the map was made of.

    A record may have been changed by somebody who wants a file shown that is none of its own. So a
    file is opened only if its path ends in the name of its item; one that serves every item has
    another name, which `first`, the journal's first line, must tell as well. Then its content must
    have the hash that the line tells; lines of earlier versions tell none.
    """
    home = Path(run["directory"])
    _refuse_other_inputs(line, run)
    if not any(_is_named_so(source, line) for source in line["sources"]):
        raise _not_its_own(line)
    paths: dict[str | None, Path] = {}
    for source in line["sources"]:
        if not (_is_named_so(source, line) or _serves_all(source, first)):
            raise _not_its_own(line)
        path = home / heard(source, "path")
        _refuse_own(path, out)
        _check_content(path, source.get("sha256"))
        paths[source["for"]] = path
    return paths


def _refuse_other_inputs(line: JournalLine, run: RunRecord) -> None:
    """Raise ItemError where the files are not one for all inputs of the model, or one for each."""
    asked = [source["for"] for source in line["sources"]]
    names = [each["name"] for each in run["signature"]["inputs"]]
    if not names or (asked != [None] and sorted(map(str, asked)) != sorted(names)):
        raise ItemError("its record names files for other inputs than the model's", kind=SOURCE)


def _is_named_so(source: SourceRecord, line: JournalLine) -> bool:
    """Return whether a path ends in the item's name; files of several inputs differ in suffix."""
    path, name = (PurePosixPath(heard(r, k)) for r, k in ((source, "path"), (line, "input")))
    if source["for"] is not None:
        path, name = path.with_suffix(""), name.with_suffix("")
    return path.parts[-len(name.parts) :] == name.parts


def _serves_all(source: SourceRecord, first: JournalLine) -> bool:
    """Return whether the first line names a file of this name and content for the same input."""
    if source["for"] is None or "sha256" not in source:
        return False
    name = os.path.basename(heard(source, "path"))
    return any(
        each["for"] == source["for"]
        and each.get("sha256") == source["sha256"]
        and os.path.basename(heard(each, "path")) == name
        for each in first["sources"]
    )


def _not_its_own(line: JournalLine) -> ItemError:
    name = heard(line, "input")
    return ItemError(f"its record names a file that is not called {name}", kind=SOURCE)


def _refuse_own(path: Path, out: Path) -> None:
    """Raise ItemError for a file of the run itself: those are results, and no inputs."""
    if Path(os.path.abspath(path)).is_relative_to(os.path.abspath(out)):
        raise ItemError(f"its record names a file of the run, {path}", kind=SOURCE)


def _check_content(path: Path, expected: str | None) -> None:
    if not os.path.exists(path):
        raise ItemError("its input is gone", kind=SOURCE)
    size_of(path)  # refuses what is no regular file, before it is opened
    if expected is None:
        return
    try:
        same = sha256_of(path) == expected
    except OSError as error:
        raise unreadable(path, error) from None
    if not same:
        raise ItemError(f"its input {path} has changed", kind=SOURCE)

"""Brings the files of a map from one run's directory into another's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.formats.files import read_bytes
from inputgrad_cli.jobs.journal import Journal
from inputgrad_cli.jobs.spoken import heard
from inputgrad_cli.jobs.store import refuse_links, write_whole


def bring(record: Mapping[str, Any], out: Path, home: tuple[Path, Journal]) -> None:
    """Copy the files of a map to `home`; UsageError where one is not as was written."""
    for file in record.get("files", ()):
        name = heard(file, "path")
        try:
            data = read_bytes(out / name)
        except ItemError as error:
            raise _spoilt(out, error.sentence().rstrip(".")) from None
        if hashlib.sha256(data).hexdigest() != file["sha256"]:
            raise _spoilt(out, f"{out / name}: its content is not what was written")
        _place(home[0] / name, data, home)


def _spoilt(out: Path, what: str) -> UsageError:
    return UsageError(what, mend=f"run `inputgrad verify {out}`, then the saliency call again")


def _place(path: Path, data: bytes, home: tuple[Path, Journal]) -> None:
    try:
        refuse_links(home[0], path)
    except ItemError as error:
        raise UsageError(error.what, mend=error.mend) from None
    if path.is_file() and path.read_bytes() == data:
        return
    if path.exists() and not home[1].owns(path):
        raise UsageError(
            f"{path}: is there already, and no run of inputgrad made it", mend="move it away"
        )
    write_whole(path, data)

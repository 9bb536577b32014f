"""Brings the files of a map from one run's directory into another's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.formats.blocks import Blocks
from inputgrad_cli.hashes import sha256_of
from inputgrad_cli.jobs.journal import Journal
from inputgrad_cli.jobs.spoken import heard
from inputgrad_cli.jobs.store import refuse_links, write_whole


def bring(record: Mapping[str, Any], out: Path, home: tuple[Path, Journal]) -> None:
    """Copy the files of a map to `home`; UsageError where one is not as was written."""
    for file in record.get("files", ()):
        name = heard(file, "path")
        try:
            data = Blocks(out / name)
            if data.sha256 != file["sha256"]:
                raise ItemError(f"{out / name}: its content is not what was written")
            if _is_wanted(name, data, home):
                write_whole(home[0] / name, data.pour)
        except ItemError as error:
            what = error.sentence().rstrip(".")
            mend = f"run `inputgrad verify {out}`, then the saliency call again"
            raise UsageError(what, mend=mend) from None


def _is_wanted(name: str, data: Blocks, home: tuple[Path, Journal]) -> bool:
    """Return whether a file is still to be copied; UsageError where its place is taken."""
    path = home[0] / name
    try:
        refuse_links(home[0], name)
    except ItemError as error:
        raise UsageError(error.what, mend=error.mend) from None
    if path.is_file() and sha256_of(path) == data.sha256:
        return False
    if path.exists() and not home[1].owns(name):
        raise UsageError(
            f"{path}: is there already, and no run of inputgrad made it", mend="move it away"
        )
    return True

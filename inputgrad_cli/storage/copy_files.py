"""Brings the files of a map from one run's directory into another's."""

from __future__ import annotations

import os
from pathlib import Path

from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.formats.streaming.hashed_file import Blocks
from inputgrad_cli.hashing import sha256_of
from inputgrad_cli.schema.encoded_names import heard
from inputgrad_cli.schema.records import JournalLine
from inputgrad_cli.storage.atomic_write import refuse_links, write_whole
from inputgrad_cli.storage.journal import Journal
from inputgrad_cli.storage.run_paths import check_file, find_file


def bring(record: JournalLine, out: Path, home: tuple[Path, Journal]) -> None:
    """Copy the files of a map to `home`; UsageError where one is not as was written."""
    mend = f"run `inputgrad verify {out}`, then the saliency call again"
    for file in record.get("files", ()):
        name = heard(file, "path")
        try:
            check_file(out, name)
            data = Blocks(out / name)
            if data.sha256 != file["sha256"]:
                raise ItemError(f"{out / name}: its content is not what was written")
            if _is_wanted(name, data, home):
                write_whole(home[0] / name, data.pour)
        except OSError as error:
            raise UsageError(
                f"{out / name}: cannot be read", reason=str(error.strerror), mend=mend
            ) from None
        except ItemError as error:
            what = error.sentence().rstrip(".")
            raise UsageError(what, mend=mend) from None


def _is_wanted(name: str, data: Blocks, home: tuple[Path, Journal]) -> bool:
    """Return whether a file is still to be copied; UsageError where its place is taken."""
    path = home[0] / name
    try:
        refuse_links(home[0], name)
    except ItemError as error:
        raise UsageError(error.what, mend=error.mend) from None
    if find_file(home[0], name) and sha256_of(path) == data.sha256:
        return False
    if os.path.lexists(path) and not home[1].owns(name):
        raise UsageError(
            f"{path}: is there already, and no run of inputgrad made it", mend="move it away"
        )
    return True

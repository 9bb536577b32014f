"""Finds files below a run's directory by their recorded names; only regular files, never links."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from inputgrad_cli.errors import ItemError
from inputgrad_cli.storage.atomic_write import refuse_links, to_prefix


def find_file(out: Path, name: str) -> os.stat_result | None:
    """Return the status of a regular file that is reached without a link, else None."""
    try:
        return check_file(out, name)
    except (ItemError, OSError):
        return None


def check_file(out: Path, name: str) -> os.stat_result:
    """Return the status of a file; ItemError if it is not a regular file of the run, OSError."""
    refuse_links(out, name)
    path = to_prefix(out) + name
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        raise ItemError(f"{path}: is a link, not the file that was written", kind="exists")
    if not stat.S_ISREG(status.st_mode):
        raise ItemError(f"{path}: is no longer a regular file", kind="exists")
    return status


def build_foreign_error(path: Path | str, hint: str = "move it away") -> ItemError:
    """Return the error for a file that is at a destination, and that no run of inputgrad made."""
    message = f"{path}: is there already, and no run of inputgrad made it"
    return ItemError(message, hint=hint, kind="exists")


def is_folder(path: Path | str) -> bool:
    """Return whether `path` is a real directory, which no file can replace."""
    return os.path.isdir(path) and not os.path.islink(path)

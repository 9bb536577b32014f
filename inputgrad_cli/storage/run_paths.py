"""Files below a run's directory, as its records name them: never by a link, and regular alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from inputgrad_cli.errors import ItemError
from inputgrad_cli.storage.atomic_write import refuse_links, start_of


def find_file(out: Path, name: str) -> os.stat_result | None:
    """Return what the system says of a regular file that is reached without a link, else None."""
    try:
        return check_file(out, name)
    except (ItemError, OSError):
        return None


def check_file(out: Path, name: str) -> os.stat_result:
    """Return what the system says of a file; ItemError where it is none of a run's, OSError."""
    refuse_links(out, name)
    path = start_of(out) + name
    about = os.lstat(path)
    if stat.S_ISLNK(about.st_mode):
        raise ItemError(f"{path}: is a link, not the file that was written", kind="exists")
    if not stat.S_ISREG(about.st_mode):
        raise ItemError(f"{path}: is no file any more", kind="exists")
    return about


def is_folder(path: Path | str) -> bool:
    """Return whether a directory stands there: it is no file of ours, and cannot be replaced."""
    return os.path.isdir(path) and not os.path.islink(path)

"""The files of an unzipped `.keras` file: those that its archive would hold, links left out."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from inputgrad_cli.modelfile.zip.members import ASSETS, CONFIG, METADATA, WEIGHTS, check_names


def is_plain(path: Path) -> bool:
    """Return whether `path` is a regular file itself, not a link to one."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def model_files(folder: Path) -> list[Path]:
    """Return the files that belong to a model, sorted; ModelError for names that no model has."""
    files = [folder / name for name in (CONFIG, METADATA, WEIGHTS)]
    assets = folder / ASSETS
    if not assets.is_symlink():
        for where, _, names in os.walk(assets):
            files += [Path(where) / name for name in names]
    files = [path for path in files if is_plain(path)]
    check_names([path.relative_to(folder).as_posix() for path in files], folder)
    return sorted(files)

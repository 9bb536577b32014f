"""Lists the files of an unzipped `.keras` file that its archive would hold, without links."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from inputgrad_cli.modelfile.zip.member_checks import ASSETS, CONFIG, METADATA, WEIGHTS, check_names


def is_regular_file(path: Path) -> bool:
    """Return whether `path` is a regular file and not a link."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def list_model_files(folder: Path) -> list[Path]:
    """Return the sorted files that belong to a model; ModelError for names that no model has."""
    files = [folder / name for name in (CONFIG, METADATA, WEIGHTS)]
    assets = folder / ASSETS
    if not assets.is_symlink():
        for directory, _, names in os.walk(assets):
            files += [Path(directory) / name for name in names]
    files = [path for path in files if is_regular_file(path)]
    check_names([path.relative_to(folder).as_posix() for path in files], folder)
    return sorted(files)

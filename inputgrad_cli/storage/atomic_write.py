"""Writes files that are either complete or absent, below a directory that is never left."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO

from inputgrad_cli.errors import ItemError, StorageError
from inputgrad_cli.storage.shards import TAG

TEMPORARY = ".ig"
TEMPORARIES = re.compile(re.escape(TEMPORARY) + TAG + r"-.*\.tmp", re.S)
_NUMBERS = itertools.count()
Bytes = bytes | memoryview
Pour = Callable[[IO[bytes]], None]  # writes what is too large for memory into a file


def write_whole(path: Path | str, data: Bytes | Pour, tag: str = "") -> None:
    """Write `data` to `path` so that the name never stands for less; StorageError."""
    # Names are cut, and threads write at once: the number keeps them apart.
    own = f"{os.getpid()}-{next(_NUMBERS)}"
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f"{TEMPORARY}{tag}-{own}-{name[-40:]}.tmp")
    try:
        with open(_made(temporary), "wb") as file:
            data(file) if callable(data) else file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise StorageError(
            f"{path}: cannot be written",
            reason=str(error.strerror or error),
            mend="free some space or choose another --out",
        ) from None
    except BaseException:  # what was to be poured in could not be read any more
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def start_of(out: Path) -> str:
    """Return how the paths of files in `out` begin: their names follow. `Path` takes ten times."""
    whole = str(out)
    return "" if whole == "." else whole.rstrip("/") + "/"


def _made(path: str) -> int:
    """Return the handle of a new file, in a directory that may not be there yet."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o666)


def sync_folder(folder: Path) -> None:
    """Make the names in a directory as durable as the files."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def refuse_links(out: Path, name: str) -> None:
    """Raise ItemError where a directory on the way from `out` to the file `name` is a link."""
    while name := os.path.dirname(name):
        folder = start_of(out) + name
        if os.path.islink(folder):
            raise ItemError(
                f"{folder}: is a link, and may lead out of --out",
                mend="remove it, or choose another --out",
                kind="exists",
            )


def folds_case(out: Path) -> bool:
    """Return whether the file system of `out` takes a.png and A.png for one name."""
    here = Path(os.path.abspath(out))
    while not here.exists():
        here = here.parent
    twin = here.with_name(here.name.swapcase())
    return twin.name != here.name and twin.exists() and twin.samefile(here)

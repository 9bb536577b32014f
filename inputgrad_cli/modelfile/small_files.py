"""Small text files around a model, its labels and settings: bounded before they are read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from inputgrad_cli.errors import UsageError
from inputgrad_cli.machine.missing_files import mend_missing, typed

MOST_BYTES = 4 << 20


def read_small(path: Path, option: str = "", regular: bool = True) -> str:
    """Return the text of a small file, lines ended as on Unix; UsageError.

    `option` goes before its name in messages. Unless `regular`, a pipe or device is read as well.
    """
    what = f"{option} {typed(path)}".strip()
    waits = os.O_NONBLOCK if regular else 0  # to open a pipe would wait for who writes into it
    try:
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | waits), "rb") as file:
            if regular and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError(f"{what}: not a regular file")
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{what}: cannot be read",
            reason=getattr(error, "strerror", None) or str(error),
            mend=mend_missing(path, "") if isinstance(error, FileNotFoundError) else "",
        ) from None
    if len(data) > MOST_BYTES:
        raise UsageError(f"{what}: too large", reason=f"at most {MOST_BYTES >> 20} MB are read")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        raise UsageError(f"{what}: cannot be read", reason="not a text file in UTF-8") from None

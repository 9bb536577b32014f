"""Reads small text files around a model, such as labels and settings, up to a limit of size."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from inputgrad_cli.errors import UsageError
from inputgrad_cli.machine.missing_path_suggestions import suggest_path, to_typed_path

MAX_BYTES = 4 << 20  # of one file


def read_small_file(path: Path, option: str = "", regular: bool = True) -> str:
    """Return the text of a small file with Unix line ends; UsageError if it cannot be read.

    `option` precedes the path in errors. Unless `regular`, a pipe or device is read as well.
    """
    source = f"{option} {to_typed_path(path)}".strip()
    flags = os.O_NONBLOCK if regular else 0  # opening a pipe would wait for a writer
    try:
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags), "rb") as file:
            if regular and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError(f"{source}: not a regular file")
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{source}: cannot be read",
            reason=getattr(error, "strerror", None) or str(error),
            hint=suggest_path(path, "") if isinstance(error, FileNotFoundError) else "",
        ) from None
    if len(data) > MAX_BYTES:
        raise UsageError(f"{source}: too large", reason=f"at most {MAX_BYTES >> 20} MB are read")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        raise UsageError(f"{source}: cannot be read", reason="not a text file in UTF-8") from None

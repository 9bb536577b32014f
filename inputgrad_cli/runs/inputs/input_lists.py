"""Reads lists of input names from a file or stdin."""

from __future__ import annotations

import os

from inputgrad_cli.errors import UsageError
from inputgrad_cli.machine.missing_path_suggestions import suggest_path


def read_list(data: bytes, null: bool, where: str) -> tuple[str, ...]:
    """Return the names in a list, one per line, or ended by NUL.

    A byte order mark, Windows line ends and empty lines are ignored. Raises UsageError with the
    line of a bad name.
    """
    if null:
        names = [name for name in data.split(b"\0") if name]
        return tuple(os.fsdecode(name) for name in names)
    paths = []
    for index, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        name = os.fsdecode(line.removesuffix(b"\r"))
        if not name.strip():
            continue
        if "\0" in name:
            raise UsageError(
                f"{where}:{index}: the name contains a NUL", hint="use -0 for names ended by NUL"
            )
        if not os.path.lexists(name):
            raise UsageError(
                f"{where}:{index}: {name}: there is no such input file or directory",
                hint=suggest_path(name, "names are relative to the working directory"),
            )
        paths.append(name)
    return tuple(paths)

"""Lists of input names, in a file or on stdin."""

from __future__ import annotations

import os

from inputgrad_cli.errors import UsageError
from inputgrad_cli.machine.missing_files import mend_missing


def read_list(data: bytes, null: bool, where: str) -> tuple[str, ...]:
    """Return the names in a list, one a line, or ended by NUL; UsageError tells a bad one's line.

    A byte order mark, ends of lines as on Windows and empty lines are no part of a name.
    """
    if null:
        names = [name for name in data.split(b"\0") if name]
        return tuple(os.fsdecode(name) for name in names)
    found = []
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        name = os.fsdecode(line.removesuffix(b"\r"))
        if not name.strip():
            continue
        if "\0" in name:
            raise UsageError(
                f"{where}:{number}: a NUL stands in the name", mend="use -0 for names ended by NUL"
            )
        if not os.path.lexists(name):
            raise UsageError(
                f"{where}:{number}: {name}: there is no such input file or directory",
                mend=mend_missing(name, "names are relative to the working directory"),
            )
        found.append(name)
    return tuple(found)

"""Refuses paths that do not exist, and suggests the names that may have been meant."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from inputgrad_cli.errors import UsageError
from inputgrad_cli.spelling_suggestions import format_advice, format_question, suggest

REMOTE = re.compile(r"(hf|gs|s3|https?|ftp|file|kaggle|hdfs|az|abfss?):/+", re.I)
MAX_NAMES = 5000  # names of a directory that are compared; more would take noticeable time


def is_remote(path: Path | str) -> bool:
    """Return whether this is a remote address such as `s3://...`, not a local path."""
    return REMOTE.match(str(path)) is not None


def to_typed_path(path: Path | str) -> str:
    """Return a path as it was typed; pathlib drops one of the two slashes of an address."""
    return REMOTE.sub(lambda match: f"{match[1]}://", str(path), count=1)


def suggest_path(path: Path | str, otherwise: str = "check the path") -> str:
    """Return advice on a missing file: the nearest name in its directory, or `otherwise`."""
    if is_remote(path):
        address = to_typed_path(path)
        return f"download it first, as with curl -LO {address}; nothing is fetched from here"
    parent, _, name = str(path).rpartition("/")
    try:
        names = sorted(os.listdir(parent or ("/" if str(path).startswith("/") else ".")))[
            :MAX_NAMES
        ]
    except OSError:
        if parent and not os.path.isdir(parent):
            return f"there is no directory {parent} either"
        return otherwise
    near = [f"{parent}/{other}" if parent else other for other in suggest(name, names)]
    return format_advice(near, "" if near else otherwise)


def refuse_missing_code(sources: Sequence[str]) -> None:
    """Raise UsageError for a missing file or module of `--code`, without importing any."""
    for index, source in enumerate(sources):
        if source.endswith(".py"):
            if not os.path.isfile(source):
                message = f"--code {to_typed_path(source)}: there is no such file"
                raise UsageError(message, hint=suggest_path(source))
            continue
        # A file named earlier adds its folder to sys.path, and the module may be in it.
        if not any(earlier.endswith(".py") for earlier in sources[:index]):
            _refuse_missing_module(source)


def _refuse_missing_module(source: str) -> None:
    """Raise UsageError if the top-level package of a module is not found."""
    top = source.partition(".")[0]
    try:
        # `find_spec` raises ValueError for an empty or a relative name.
        exists = top in sys.modules or importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        exists = False
    if exists:
        return
    files = [name for name in (f"{source}.py", source) if os.path.isfile(name)]
    raise UsageError(
        f"--code {to_typed_path(source)}: there is no such module here",
        reason="a module must be installed or on PYTHONPATH; a file ends in .py",
        hint=format_question([name for name in files if name.endswith(".py")]),
    )

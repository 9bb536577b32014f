"""Files that are not there: what was typed, and what may have been meant."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from inputgrad_cli.errors import UsageError
from inputgrad_cli.suggest import advice, did_you_mean, suggest

REMOTE = re.compile(r"(hf|gs|s3|https?|ftp|file|kaggle|hdfs|az|abfss?):/+", re.I)
MOST = 5000  # names of a directory that are compared; more would keep one waiting


def is_remote(path: Path | str) -> bool:
    """Return whether this is the address of something elsewhere, not a path of this machine."""
    return REMOTE.match(str(path)) is not None


def typed(path: Path | str) -> str:
    """Return a path as it was typed: of the two slashes of an address pathlib keeps one."""
    return REMOTE.sub(lambda found: f"{found[1]}://", str(path), count=1)


def mend_missing(path: Path | str, otherwise: str = "check the path") -> str:
    """Return what to do about a file that is not there: a name near it, or `otherwise`."""
    if is_remote(path):
        return f"download it first, as with curl -LO {typed(path)}; nothing is fetched from here"
    parent, _, name = str(path).rpartition("/")
    try:
        names = sorted(os.listdir(parent or ("/" if str(path).startswith("/") else ".")))[:MOST]
    except OSError:
        if parent and not os.path.isdir(parent):
            return f"there is no directory {parent} either"
        return otherwise
    near = [f"{parent}/{other}" if parent else other for other in suggest(name, names)]
    return advice(near, "" if near else otherwise)


def refuse_missing_code(sources: Sequence[str]) -> None:
    """Raise UsageError for a file or module of `--code` that is not there; imports none of them."""
    for number, source in enumerate(sources):
        if source.endswith(".py"):
            if not os.path.isfile(source):
                what = f"--code {typed(source)}: there is no such file"
                raise UsageError(what, mend=mend_missing(source))
            continue
        # A file named before it brings its folder along, where the module may be.
        if not any(earlier.endswith(".py") for earlier in sources[:number]):
            _refuse_missing_module(source)


def _refuse_missing_module(source: str) -> None:
    top = source.partition(".")[0]
    try:
        there = top in sys.modules or importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        there = False
    if there:
        return
    beside = [name for name in (f"{source}.py", source) if os.path.isfile(name)]
    raise UsageError(
        f"--code {typed(source)}: there is no such module here",
        reason="a module must be installed or on PYTHONPATH; a file ends in .py",
        mend=did_you_mean([name for name in beside if name.endswith(".py")]),
    )

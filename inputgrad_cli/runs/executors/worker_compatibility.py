"""What a worker is like, found out by itself, and what of that does not fit a run.

A worker imports this module before it is known to fit, so it imports little.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import platform
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from inputgrad_cli.file_hashes import compute_folder_sha256, compute_sha256
from inputgrad_cli.runs.executors.run_token_file import SharedRun
from inputgrad_cli.version import __version__

# By name of the library, the packages that install it.
LIBRARIES = {
    "TensorFlow": ("tensorflow", "tensorflow-cpu", "tf-nightly", "tensorflow-macos"),
    "Keras": ("keras", "keras-nightly"),
    "NumPy": ("numpy",),
}
MIN_FREE_BYTES = 64 << 20  # of the output directory: some hundred maps of pictures
MISSING = "missing"
LOOKS, LOOK_SECONDS = 4, 0.25  # at the file of the run, and between two of them
NO_SPACE = "free disk"  # the name of the fact


@dataclass(frozen=True)
class WorkerRequest:
    """What a worker must have: a working directory, the model there, and the file of the run.

    `facts` are those of the driver, by name.
    """

    folder: str
    model: str
    run: SharedRun
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Misfit:
    """A fact of a worker that does not fit: what the worker has, and what the run needs."""

    worker: str
    fact: str
    value: str
    needed: str


def list_versions() -> dict[str, str]:
    """Return the versions that the results depend on, by name, without importing the libraries."""
    python = ".".join(platform.python_version_tuple()[:2])
    versions = {"inputgrad": __version__, "Python": python}
    return versions | {name: _find_version(names) for name, names in LIBRARIES.items()}


def _find_version(packages: Iterable[str]) -> str:
    for package in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(package)
    return MISSING


def hash_model(path: Path) -> str:
    """Return the hash of a model's file, or of the names and contents of a folder's files."""
    try:
        if not path.is_dir():
            return compute_sha256(path)
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return compute_folder_sha256(path, files)
    except OSError:
        return MISSING


def find_misfits(request: WorkerRequest, worker: str) -> list[Misfit]:
    """Return what of this process does not fit a run; `worker` is its name."""
    facts = request.facts
    values = {**list_versions(), "model": hash_model(Path(request.folder, request.model))}
    misfits = [
        Misfit(worker, name, _shorten(values.get(name, MISSING)), _shorten(needed))
        for name, needed in facts.items()
        if values.get(name) != needed
    ]
    if not Path(request.folder).is_dir():
        misfits.append(Misfit(worker, "working directory", MISSING, request.folder))
    if not _can_see(request.run):
        folder = str(request.run.path.parent)
        misfits.append(Misfit(worker, "output directory", "not the same", folder))
    elif (free := shutil.disk_usage(request.run.path.parent).free) < MIN_FREE_BYTES:
        misfits.append(Misfit(worker, NO_SPACE, f"{free:,} bytes", f"{MIN_FREE_BYTES:,} bytes"))
    return misfits


def _can_see(run: SharedRun) -> bool:
    """Return whether the file of a run is there; a file server may show it a moment later."""
    for _ in range(LOOKS):
        if run.is_current():
            return True
        time.sleep(LOOK_SECONDS)
        with contextlib.suppress(OSError):
            os.listdir(run.path.parent)  # asks the server anew
    return False


def _shorten(value: str) -> str:
    """Return the beginning of a long hash."""
    return value[:12] if len(value) == hashlib.sha256().digest_size * 2 else value


def format_table(misfits: Iterable[Misfit]) -> str:
    """Return what does not fit as a table, one line for each fact of a worker."""
    rows = [("worker", "what", "there", "needed")]
    rows += [(each.worker, each.fact, each.value, each.needed) for each in misfits]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )

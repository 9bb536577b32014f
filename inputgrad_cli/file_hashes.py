"""Computes the hash of what a file or a folder holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def compute_sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file, read in blocks. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def compute_folder_sha256(folder: Path, files: Iterable[Path]) -> str:
    """Return the hexadecimal SHA-256 of the names and contents of files in a folder. OSError."""
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(folder)}\n{compute_sha256(file)}\n".encode())
    return total.hexdigest()

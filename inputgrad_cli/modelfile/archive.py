"""A `.keras` archive, opened without TensorFlow and without trust."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from inputgrad_cli.errors import ModelError

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
MOST_CONFIG = 64 << 20
MOST_RATIO = 100


@dataclass(frozen=True)
class ModelFile:
    """What the archive says of itself: its configuration and who wrote it."""

    path: Path
    config: Mapping[str, Any]
    metadata: Mapping[str, Any]
    size: int

    @property
    def keras_version(self) -> str | None:
        """Return the version of Keras that wrote the file, if it says so."""
        version = self.metadata.get("keras_version")
        return version if isinstance(version, str) else None

    @cached_property
    def sha256(self) -> str:
        """Return SHA-256 of the file, hexadecimal."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def open_model(path: Path) -> ModelFile:
    """Return what the archive at `path` says; ModelError where it cannot be a model."""
    size = _regular(path)
    if path.suffix != ".keras":
        raise ModelError(
            f"{path}: not a .keras file",
            reason=_reason_for_suffix(path),
            mend="save it with model.save('NAME.keras') in Keras 3",
        )
    _sniff(path)
    try:
        with zipfile.ZipFile(path) as archive:
            config = _read_json(archive, CONFIG, path)
            metadata = _read_json(archive, METADATA, path) if METADATA in archive.namelist() else {}
            _check_weights(archive, path)
    except zipfile.BadZipFile as error:
        raise ModelError(
            f"{path}: the archive is damaged", reason=str(error), mend="copy or save the file again"
        ) from None
    if not isinstance(config, dict) or "class_name" not in config or "config" not in config:
        raise ModelError(f"{path}: {CONFIG} inside does not describe a Keras model")
    return ModelFile(path, config, metadata if isinstance(metadata, dict) else {}, size)


def _regular(path: Path) -> int:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        raise ModelError(f"{path}: there is no such model file", mend="check the path") from None
    except OSError as error:
        raise ModelError(f"{path}: the model cannot be read", reason=str(error.strerror)) from None
    if stat.S_ISDIR(found.st_mode):
        raise ModelError(f"{path}: a directory, not a .keras file")
    if not stat.S_ISREG(found.st_mode):
        raise ModelError(f"{path}: not a regular file")
    if not os.access(path, os.R_OK):
        raise ModelError(f"{path}: the model cannot be read", reason="permission denied")
    return found.st_size


def _reason_for_suffix(path: Path) -> str:
    if path.suffix.lower() == ".keras":
        return "Keras knows the ending in small letters only"
    if path.suffix.lower() in (".h5", ".hdf5"):
        return "HDF5 models are not opened yet"
    return f"its name ends in {path.suffix!r}" if path.suffix else "its name has no ending"


def _sniff(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(8)
    if not head:
        raise ModelError(f"{path}: the file is empty", mend="copy or save the file again")
    if head == b"\x89HDF\r\n\x1a\n":
        raise ModelError(
            f"{path}: an HDF5 file under the name .keras",
            mend="open it in Keras and save it with model.save('NAME.keras')",
        )
    if not zipfile.is_zipfile(path):
        what = "the archive is cut short" if head[:2] == b"PK" else "not a .keras archive"
        raise ModelError(f"{path}: {what}", mend="copy or save the file again")


def _read_json(archive: zipfile.ZipFile, name: str, path: Path) -> Any:
    try:
        info = archive.getinfo(name)
    except KeyError:
        inner = [n for n in archive.namelist() if n.endswith("/" + name)]
        reason = f"it stands in a folder of the archive ({inner[0]})" if inner else ""
        mend = "zip the files themselves, not their folder" if inner else ""
        raise ModelError(f"{path}: {name} is missing inside", reason=reason, mend=mend) from None
    if info.flag_bits & 1:
        raise ModelError(f"{path}: {name} inside is encrypted", mend="save the model without it")
    if info.file_size > MOST_CONFIG or info.file_size > MOST_RATIO * max(info.compress_size, 1):
        raise ModelError(f"{path}: {name} inside is too large ({info.file_size} bytes unpacked)")
    try:
        return json.loads(archive.read(info))
    except (ValueError, RecursionError):
        raise ModelError(f"{path}: {name} inside is not readable JSON") from None
    except NotImplementedError:
        raise ModelError(f"{path}: {name} inside is packed in an unknown way") from None


def _check_weights(archive: zipfile.ZipFile, path: Path) -> None:
    if not any(name.startswith("model.weights.") for name in archive.namelist()):
        raise ModelError(f"{path}: the weights ({WEIGHTS}) are missing inside")

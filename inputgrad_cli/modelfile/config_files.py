"""The configuration and the metadata of a model, read from each form of file that Keras writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inputgrad_cli.choices import printable
from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile import safe_json
from inputgrad_cli.modelfile.hdf5 import survey
from inputgrad_cli.modelfile.hdf5.heaps import refuse_endless_heaps
from inputgrad_cli.modelfile.zip import archive as zip_archive
from inputgrad_cli.modelfile.zip.members import CONFIG, METADATA, WEIGHTS, check_members
from inputgrad_cli.modelfile.zip.unzipped import is_plain

MOST_METADATA = 1 << 20  # bytes; Keras writes a version and a date
Told = tuple[Any, Any]
"""What the file says of the model, and of itself."""


def read_archive(path: Path, size: int) -> Told:
    """Return what a `.keras` file of `size` bytes says; ModelError."""
    zip_archive.sniff(path)
    with zip_archive.opened(path) as archive:
        names = archive.namelist()
        zip_archive.find(archive, CONFIG, path)
        if WEIGHTS not in names:
            _refuse_weightless(path, names)
        check_members(archive, size, path)
        config = _parse(zip_archive.read(archive, CONFIG, path, safe_json.MOST_BYTES), CONFIG, path)
        metadata: Any = {}
        if METADATA in names:
            data = zip_archive.read(archive, METADATA, path, MOST_METADATA)
            metadata = _parse(data, METADATA, path)
    return config, metadata


def _refuse_weightless(path: Path, names: list[str]) -> None:
    other = [name for name in names if name.startswith("model.weights")]
    reason = f"{printable(other[0][:80])} is there, which Keras cannot read back" if other else ""
    mend = "save the model with model.save('NAME.keras')"
    raise ModelError(
        f"{path}: the weights ({WEIGHTS}) are missing inside", reason=reason, mend=mend
    )


def read_folder(path: Path, saved_model: str) -> Told:
    """Return what an unzipped `.keras` file says; `saved_model` would make it a SavedModel."""
    for name in (CONFIG, WEIGHTS):
        if not is_plain(path / name):
            raise ModelError(
                f"{path}: a directory, not a .keras file",
                reason=f"an unzipped one would hold {name}, a SavedModel {saved_model}",
            )
    config = _parse(_read(path / CONFIG, safe_json.MOST_BYTES), CONFIG, path)
    there = is_plain(path / METADATA)
    metadata = _parse(_read(path / METADATA, MOST_METADATA), METADATA, path) if there else {}
    return config, metadata


def _read(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ModelError(f"{path} is too large", reason=f"at most {most} bytes", kind="unsafe")
    return data


def read_hdf5(path: Path, size: int) -> Told:
    """Return what a `.h5` file of `size` bytes says; ModelError."""
    if not size:
        raise ModelError(f"{path}: the file is empty", mend=zip_archive.AGAIN)
    if not survey.is_hdf5(path):
        raise ModelError(f"{path}: not an HDF5 file", mend="check which file it is")
    with path.open("rb") as stream:
        refuse_endless_heaps(stream, path)
    with survey.opened(path, path) as file:
        text = survey.text_attribute(file, "model_config")
        version = survey.text_attribute(file, "keras_version")
    if text is None:
        raise ModelError(
            f"{path}: holds weights only, without the model",
            mend="build the model in Python, load them, and save it with model.save('NAME.keras')",
        )
    metadata = {"keras_version": version.decode(errors="replace")} if version else {}
    return _parse(text, "model_config", path), metadata


def _parse(data: bytes, name: str, path: Path) -> Any:
    try:
        return safe_json.parse(data)
    except safe_json.BadJsonError as error:
        raise ModelError(f"{path}: {name} inside {error}") from None

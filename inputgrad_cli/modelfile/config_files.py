"""Reads a model's configuration and metadata from each form of file that Keras writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile import safe_json
from inputgrad_cli.modelfile.hdf5 import array_listing
from inputgrad_cli.modelfile.hdf5.heap_checks import refuse_endless_heaps
from inputgrad_cli.modelfile.zip import model_archive as zip_archive
from inputgrad_cli.modelfile.zip.member_checks import CONFIG, METADATA, WEIGHTS, check_members
from inputgrad_cli.modelfile.zip.unzipped_folder import is_regular_file
from inputgrad_cli.option_choices import to_printable

MAX_METADATA_BYTES = 1 << 20  # bytes; Keras writes a version and a date
ParsedConfig = tuple[Any, Any]
"""The model's configuration, and the file's metadata."""


def read_archive(path: Path, size: int) -> ParsedConfig:
    """Read configuration and metadata of a `.keras` file of `size` bytes; may raise ModelError."""
    zip_archive.check_signature(path)
    with zip_archive.open_archive(path) as archive:
        names = archive.namelist()
        zip_archive.find_member(archive, CONFIG, path)
        if WEIGHTS not in names:
            _refuse_without_weights(path, names)
        check_members(archive, size, path)
        config = _parse(
            zip_archive.read_member(archive, CONFIG, path, safe_json.MAX_BYTES), CONFIG, path
        )
        metadata: Any = {}
        if METADATA in names:
            data = zip_archive.read_member(archive, METADATA, path, MAX_METADATA_BYTES)
            metadata = _parse(data, METADATA, path)
    return config, metadata


def _refuse_without_weights(path: Path, names: list[str]) -> None:
    misnamed = [name for name in names if name.startswith("model.weights")]
    reason = (
        f"{to_printable(misnamed[0][:80])} is there, which Keras cannot read back"
        if misnamed
        else ""
    )
    hint = "save the model with model.save('NAME.keras')"
    raise ModelError(
        f"{path}: the weights ({WEIGHTS}) are missing inside", reason=reason, hint=hint
    )


def read_folder(path: Path, saved_model: str) -> ParsedConfig:
    """Return configuration and metadata of an unzipped `.keras` file.

    `saved_model` is the name of the file that a SavedModel would hold; errors mention it.
    """
    for name in (CONFIG, WEIGHTS):
        if not is_regular_file(path / name):
            raise ModelError(
                f"{path}: a directory, not a .keras file",
                reason=f"an unzipped one would hold {name}, a SavedModel {saved_model}",
            )
    config = _parse(_read(path / CONFIG, safe_json.MAX_BYTES), CONFIG, path)
    has_metadata = is_regular_file(path / METADATA)
    metadata = (
        _parse(_read(path / METADATA, MAX_METADATA_BYTES), METADATA, path) if has_metadata else {}
    )
    return config, metadata


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ModelError(f"{path} is too large", reason=f"at most {limit} bytes", kind="unsafe")
    return data


def read_hdf5(path: Path, size: int) -> ParsedConfig:
    """Read configuration and metadata of a `.h5` file of `size` bytes; may raise ModelError."""
    if not size:
        raise ModelError(f"{path}: the file is empty", hint=zip_archive.COPY_AGAIN)
    if not array_listing.is_hdf5(path):
        raise ModelError(f"{path}: not an HDF5 file", hint="check which file it is")
    with path.open("rb") as stream:
        refuse_endless_heaps(stream, path)
    with array_listing.open_hdf5(path, path) as file:
        text = array_listing.read_text_attribute(file, "model_config")
        version = array_listing.read_text_attribute(file, "keras_version")
    if text is None:
        raise ModelError(
            f"{path}: holds weights only, without the model",
            hint="build the model in Python, load them, and save it with model.save('NAME.keras')",
        )
    metadata = {"keras_version": version.decode(errors="replace")} if version else {}
    return _parse(text, "model_config", path), metadata


def _parse(data: bytes, name: str, path: Path) -> Any:
    try:
        return safe_json.parse(data)
    except safe_json.BadJsonError as error:
        raise ModelError(f"{path}: {name} inside {error}") from None

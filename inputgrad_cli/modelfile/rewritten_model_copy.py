"""Writes a copy of a model file with the rewritten configuration, for Keras to open."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

from inputgrad_cli.modelfile.config_errors import convert_config_errors
from inputgrad_cli.modelfile.model_file import ModelFile
from inputgrad_cli.modelfile.zip.member_checks import CONFIG
from inputgrad_cli.modelfile.zip.unzipped_folder import list_model_files


@convert_config_errors
def write_copy(file: ModelFile, folder: Path) -> Path:
    """Write a copy into `folder` with the rewritten configuration, and return its path."""
    if file.form == "h5":
        return _copy_hdf5(file, folder / "model.h5")
    copy = folder / "model.keras"
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as target:
        target.writestr(CONFIG, json.dumps(file.config))
        if file.form == "directory":
            _add_folder(file.path, target)
        else:
            _add_members(file.path, target)
    return copy


def _add_members(path: Path, target: zipfile.ZipFile) -> None:
    with zipfile.ZipFile(path) as source:
        for info in source.infolist():
            if info.filename == CONFIG or info.is_dir():
                continue
            with source.open(info) as old, target.open(info.filename, "w", force_zip64=True) as new:
                shutil.copyfileobj(old, new, 1 << 20)  # bytes at once


def _add_folder(path: Path, target: zipfile.ZipFile) -> None:
    for part in list_model_files(path):
        name = part.relative_to(path).as_posix()
        if name != CONFIG:
            target.write(part, name)


def _copy_hdf5(file: ModelFile, copy: Path) -> Path:
    import h5py

    shutil.copyfile(file.path, copy)
    with h5py.File(copy, "r+") as target:
        target.attrs["model_config"] = json.dumps(file.config)
    return copy

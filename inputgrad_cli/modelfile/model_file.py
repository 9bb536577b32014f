"""Opens a model file without TensorFlow and without trusting it.

Four forms are known: a `.keras` archive, such an archive unzipped, an HDF5 file (`.h5`), and the
directory of a SavedModel, which has no configuration to read.
"""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Literal

from inputgrad_cli.errors import ModelError
from inputgrad_cli.file_hashes import compute_folder_sha256, compute_sha256
from inputgrad_cli.machine.missing_path_suggestions import is_remote, suggest_path, to_typed_path
from inputgrad_cli.modelfile.allowed_config_names import LAYERS
from inputgrad_cli.modelfile.config_files import read_archive, read_folder, read_hdf5
from inputgrad_cli.modelfile.config_object_traversal import walk_objects
from inputgrad_cli.modelfile.hdf5 import array_listing
from inputgrad_cli.modelfile.hdf5.heap_checks import refuse_endless_heaps
from inputgrad_cli.modelfile.hdf5.shared_text_checks import refuse_shared_texts
from inputgrad_cli.modelfile.keras_version_migration import COMPILE_KEY, migrate
from inputgrad_cli.modelfile.unsafe_name_checks import refuse_odd_names
from inputgrad_cli.modelfile.zip import model_archive as zip_archive
from inputgrad_cli.modelfile.zip.member_checks import CONFIG, WEIGHTS
from inputgrad_cli.modelfile.zip.unzipped_folder import is_regular_file, list_model_files

SAVED_MODEL = "saved_model.pb"
VERSION = re.compile(r"[\w.+-]{1,40}")
MAX_STATISTICS = 64  # numbers in an array: statistics of channels, not a layer of weights
HDF5_ENDINGS = (".h5", ".hdf5")

Form = Literal["keras", "directory", "h5", "saved_model"]


@dataclass(frozen=True)
class ModelFile:
    """A model file: its path, its configuration and its metadata.

    `rewritten` says that Keras must read `config`, which has no compile settings, instead of the
    configuration in the file. `compiled` holds the compile settings of the file; for a `.h5` file
    a list of all of them. `stamp` identifies the file's state, to notice when it is replaced.
    """

    path: Path
    config: Mapping[str, Any]
    metadata: Mapping[str, Any]
    size: int
    form: Form = "keras"
    rewritten: bool = False
    compiled: Any = None
    stamp: tuple[tuple[int, ...], ...] = ()

    @property
    def keras_version(self) -> str | None:
        """Return the version of Keras that wrote the file, None if it is not written."""
        version = self.metadata.get("keras_version")
        is_version = isinstance(version, str) and VERSION.fullmatch(version)
        return version if is_version else None

    @property
    def compiled_loss(self) -> Any:
        """Return the loss that the model was compiled with, as the file writes it, or None."""
        return self.compiled.get("loss") if isinstance(self.compiled, Mapping) else None

    @cached_property
    def sha256(self) -> str:
        """Return the hexadecimal SHA-256 of a file, or of a directory's file names and contents."""
        if self.form in ("keras", "h5"):
            digest = compute_sha256(self.path)
        else:
            digest = compute_folder_sha256(self.path, self._list_files())
        self.refuse_changed()
        return digest

    def _list_files(self) -> list[Path]:
        if self.form == "directory":
            return list_model_files(self.path)
        if self.form == "saved_model":
            return sorted(path for path in self.path.rglob("*") if path.is_file())
        return [self.path]

    def compute_stamp(self) -> tuple[tuple[int, ...], ...]:
        """Return device, inode, size and modification time in ns of each file."""
        stats = [os.stat(path) for path in self._list_files()]
        return tuple((s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns) for s in stats)

    def refuse_changed(self) -> None:
        """Raise ModelError if the file changed since it was opened."""
        try:
            if self.compute_stamp() == self.stamp:
                return
        except OSError:
            pass
        raise ModelError(
            f"{self.path}: the model changed while it was read",
            hint="run again once it is written",
        )

    @cached_property
    def arrays(self) -> tuple[array_listing.SavedArray, ...]:
        """Return the saved arrays; ModelError if they are missing, damaged or unsafe."""
        if self.form == "saved_model":  # its variables are not HDF5
            return ()
        if self.form == "h5":
            refuse_shared_texts(self.path)
        with self._open_weights() as (file, unpacked_bytes):
            allow_text_lists = self.form == "h5"
            return array_listing.list_arrays(
                file,
                array_listing.Hdf5Source(self.path, unpacked_bytes, self.size, allow_text_lists),
            )

    def read_layer_values(self, layer: str) -> list[list[float]]:
        """Return the values of a layer's arrays, sorted by name; an empty list if they are many.

        `layer` is its path among the weights of a `.keras` file. Errors as for `arrays`.
        """
        prefix = f"{layer}/vars/"
        wanted = [array for array in self.arrays if array.name.startswith(prefix)]
        if not wanted or any(math.prod(array.shape) > MAX_STATISTICS for array in wanted):
            return []
        with self._open_weights() as (file, _):
            return [
                array_listing.read_flat(file[array.name])
                for array in sorted(wanted, key=lambda a: a.name)
            ]

    @contextmanager
    def _open_weights(self) -> Iterator[tuple[Any, int]]:
        """Yield the HDF5 file of the weights, and how many bytes its arrays may take."""
        with ExitStack() as stack:
            source, size = self._open_source(stack)
            if not isinstance(source, Path):  # the heaps of a .h5 file were checked before
                refuse_endless_heaps(source, self.path)
            yield stack.enter_context(array_listing.open_hdf5(source, self.path)), size

    def _open_source(self, stack: ExitStack) -> tuple[Path | IO[bytes], int]:
        if self.form == "h5":
            return self.path, self.size
        if self.form == "directory":
            weights = self.path / WEIGHTS
            stream = stack.enter_context(weights.open("rb"))
            return stream, weights.stat().st_size
        archive = stack.enter_context(zip_archive.open_archive(self.path))
        info = zip_archive.find_member(archive, WEIGHTS, self.path)
        packed = stack.enter_context(zip_archive.open_member(archive, info))
        return packed, info.file_size

    @property
    def weights(self) -> tuple[array_listing.SavedArray, ...]:
        """Return the saved arrays of the model without those of the optimizer."""
        optimizer_prefixes = ("optimizer/", "_optimizer/", "optimizer_weights/")
        return tuple(
            array for array in self.arrays if not array.name.startswith(optimizer_prefixes)
        )


def open_model(path: Path) -> ModelFile:
    """Return the model file at `path`; ModelError if it cannot be a model."""
    size, is_folder = _stat(path)
    if is_folder:
        file = _open_folder(path)
    elif path.suffix == ".keras":
        file = ModelFile(path, *read_archive(path, size), size)
    elif path.suffix.lower() in HDF5_ENDINGS:
        file = ModelFile(path, *read_hdf5(path, size), size, "h5")
    else:
        raise ModelError(
            f"{path}: not a .keras file",
            reason=_explain_suffix(path),
            hint="save it with model.save('NAME.keras') in Keras 3",
        )
    return _modernize(replace(file, stamp=file.compute_stamp()))


def _modernize(file: ModelFile) -> ModelFile:
    """Return the file with a checked configuration, rewritten if an older Keras wrote it."""
    config = file.config
    compiled: Any = None
    if (
        not isinstance(config, dict)
        or not isinstance(config.get("class_name"), str)
        or not isinstance(config.get("config"), dict)
    ):
        raise ModelError(f"{file.path}: {CONFIG} inside does not describe a Keras model")
    if config["class_name"] in LAYERS:
        raise ModelError(f"{file.path}: holds a {config['class_name']}, not a model")
    refuse_odd_names(config, file.path)
    metadata = file.metadata if isinstance(file.metadata, dict) else {}
    version = metadata.get("keras_version")
    if file.form == "h5":  # Keras writes none there, but would build any, even with compile=False
        compiled = [node[COMPILE_KEY] for node in walk_objects(config) if COMPILE_KEY in node]
    else:
        config = {key: value for key, value in config.items() if key != COMPILE_KEY}
        compiled = file.config.get(COMPILE_KEY)
    modern = migrate(config, version if isinstance(version, str) else "", file.form)
    rewritten = file.rewritten or modern != config
    return replace(file, config=modern, metadata=metadata, rewritten=rewritten, compiled=compiled)


def _stat(path: Path) -> tuple[int, bool]:
    if is_remote(path):
        raise ModelError(f"{to_typed_path(path)}: not a file here", hint=suggest_path(path))
    try:
        status = os.stat(path)
    except FileNotFoundError:
        hint = suggest_path(path)
        raise ModelError(f"{path}: there is no such model file", hint=hint) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ModelError(f"{path}: the model cannot be read", reason=reason) from None
    if not os.access(path, os.R_OK):
        raise ModelError(f"{path}: the model cannot be read", reason="permission denied")
    if stat.S_ISDIR(status.st_mode):
        return status.st_size, True
    if not stat.S_ISREG(status.st_mode):
        raise ModelError(f"{path}: not a regular file")
    return status.st_size, False


def _explain_suffix(path: Path) -> str:
    if path.suffix.lower() == ".keras":
        return "Keras knows the ending in small letters only"
    return f"its name ends in {path.suffix!r}" if path.suffix else "its name has no ending"


def _open_folder(path: Path) -> ModelFile:
    if is_regular_file(path / SAVED_MODEL):
        size = sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
        return ModelFile(path, {"class_name": "SavedModel", "config": {}}, {}, size, "saved_model")
    parsed = read_folder(path, SAVED_MODEL)
    size = sum(part.stat().st_size for part in list_model_files(path))
    # Keras opens a directory only if its name does not end in .keras, but always opens an archive.
    return ModelFile(path, *parsed, size, "directory", rewritten=True)

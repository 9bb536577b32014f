"""A model file, opened without TensorFlow and without trust.

Four forms are known: a `.keras` archive, such an archive unzipped, an HDF5 file (`.h5`), and the
directory of a SavedModel, which has no configuration to read.
"""

from __future__ import annotations

import hashlib
import math
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Literal

from inputgrad_cli.errors import ModelError
from inputgrad_cli.hashes import sha256_of
from inputgrad_cli.missing import is_remote, mend_missing, typed
from inputgrad_cli.modelfile import container, hdf5, jsontext
from inputgrad_cli.modelfile.allowed import LAYERS
from inputgrad_cli.modelfile.migrate import migrate

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
SAVED_MODEL = "saved_model.pb"
FEW = 64  # numbers an array: the statistics of channels, not a layer of weights
HDF5_ENDINGS = (".h5", ".hdf5")

Form = Literal["keras", "directory", "h5", "saved_model"]


@dataclass(frozen=True)
class ModelFile:
    """What a model file says of itself: its configuration and who wrote it.

    `rewritten` says that `config` is no longer what the file holds: it came from an older Keras.
    """

    path: Path
    config: Mapping[str, Any]
    metadata: Mapping[str, Any]
    size: int
    form: Form = "keras"
    rewritten: bool = False

    @property
    def keras_version(self) -> str | None:
        """Return the version of Keras that wrote the file, if it says so."""
        version = self.metadata.get("keras_version")
        return version if isinstance(version, str) else None

    @property
    def compiled_loss(self) -> Any:
        """Return the loss that the model was compiled with, as the file writes it, or None."""
        settings = self.config.get("compile_config")
        return settings.get("loss") if isinstance(settings, Mapping) else None

    @cached_property
    def sha256(self) -> str:
        """Return SHA-256 of the file, hexadecimal; of a directory: of its names and files."""
        if self.form in ("keras", "h5"):
            return sha256_of(self.path)
        total = hashlib.sha256()
        for path in sorted(p for p in self.path.rglob("*") if p.is_file()):
            total.update(f"{path.relative_to(self.path)}\n{sha256_of(path)}\n".encode())
        return total.hexdigest()

    @cached_property
    def arrays(self) -> tuple[hdf5.SavedArray, ...]:
        """Return the saved arrays; ModelError where they are missing, damaged or not honest."""
        if self.form == "saved_model":
            return ()
        with self._opened() as (file, size):
            return hdf5.survey(file, size, self.path)

    def numbers(self, layer: str) -> list[list[float]]:
        """Return the few numbers that a layer holds, an array after the other; none if many.

        `layer` is its path among the weights of a `.keras` file. ModelError as for `arrays`.
        """
        own = f"{layer}/vars/"
        wanted = [array for array in self.arrays if array.name.startswith(own)]
        if not wanted or any(math.prod(array.shape) > FEW for array in wanted):
            return []
        with self._opened() as (file, _):
            return [hdf5.flat(file[array.name]) for array in sorted(wanted, key=lambda a: a.name)]

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, int]]:
        """Yield the HDF5 file of the weights, and how many bytes it may hold."""
        with ExitStack() as stack:
            source, size = self._source(stack)
            yield stack.enter_context(hdf5.opened(source, self.path)), size

    def _source(self, stack: ExitStack) -> tuple[Path | IO[bytes], int]:
        if self.form == "h5":
            return self.path, self.size
        if self.form == "directory":
            weights = self.path / WEIGHTS
            stream = stack.enter_context(weights.open("rb"))
            return stream, min(weights.stat().st_size, 100 * self.size)
        archive = stack.enter_context(container.opened(self.path))
        info = container.find(archive, WEIGHTS, self.path)
        packed = stack.enter_context(container.reader(archive, info))
        return packed, min(info.file_size, 100 * self.size)

    @property
    def weights(self) -> tuple[hdf5.SavedArray, ...]:
        """Return the saved arrays of the model itself, without the optimizer's."""
        apart = ("optimizer/", "_optimizer/", "optimizer_weights/")
        return tuple(array for array in self.arrays if not array.name.startswith(apart))


def open_model(path: Path) -> ModelFile:
    """Return what the model at `path` says; ModelError where it cannot be a model."""
    size, is_folder = _stat(path)
    if is_folder:
        file = _open_folder(path)
    elif path.suffix == ".keras":
        file = _open_archive(path, size)
    elif path.suffix.lower() in HDF5_ENDINGS:
        file = _open_hdf5(path, size)
    else:
        raise ModelError(
            f"{path}: not a .keras file",
            reason=_reason_for_suffix(path),
            mend="save it with model.save('NAME.keras') in Keras 3",
        )
    return _modern(file)


def _modern(file: ModelFile) -> ModelFile:
    """Return the file with its configuration checked, and rewritten where it is an older one's."""
    config = file.config
    if (
        not isinstance(config, dict)
        or not isinstance(config.get("class_name"), str)
        or not isinstance(config.get("config"), dict)
    ):
        raise ModelError(f"{file.path}: {CONFIG} inside does not describe a Keras model")
    if config["class_name"] in LAYERS:
        raise ModelError(f"{file.path}: holds a {config['class_name']}, not a model")
    metadata = file.metadata if isinstance(file.metadata, dict) else {}
    version = metadata.get("keras_version")
    modern = migrate(config, version if isinstance(version, str) else "", file.form)
    return ModelFile(
        file.path, modern, metadata, file.size, file.form, file.rewritten or modern != config
    )


def _stat(path: Path) -> tuple[int, bool]:
    if is_remote(path):
        raise ModelError(f"{typed(path)}: not a file here", mend=mend_missing(path))
    try:
        found = os.stat(path)
    except FileNotFoundError:
        mend = mend_missing(path)
        raise ModelError(f"{path}: there is no such model file", mend=mend) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ModelError(f"{path}: the model cannot be read", reason=reason) from None
    if not os.access(path, os.R_OK):
        raise ModelError(f"{path}: the model cannot be read", reason="permission denied")
    if stat.S_ISDIR(found.st_mode):
        return found.st_size, True
    if not stat.S_ISREG(found.st_mode):
        raise ModelError(f"{path}: not a regular file")
    return found.st_size, False


def _reason_for_suffix(path: Path) -> str:
    if path.suffix.lower() == ".keras":
        return "Keras knows the ending in small letters only"
    return f"its name ends in {path.suffix!r}" if path.suffix else "its name has no ending"


def _open_archive(path: Path, size: int) -> ModelFile:
    container.sniff(path)
    with container.opened(path) as archive:
        container.check_members(archive, path)
        config = _parse(archive.read(container.find(archive, CONFIG, path)), CONFIG, path)
        names = archive.namelist()
        metadata = _parse(archive.read(METADATA), METADATA, path) if METADATA in names else {}
    if WEIGHTS not in names:
        _refuse_weightless(path, names)
    return ModelFile(path, config, metadata, size)


def _refuse_weightless(path: Path, names: list[str]) -> None:
    other = [name for name in names if name.startswith("model.weights")]
    reason = f"{other[0]} is there, which Keras cannot read back" if other else ""
    mend = "save the model with model.save('NAME.keras')"
    raise ModelError(
        f"{path}: the weights ({WEIGHTS}) are missing inside", reason=reason, mend=mend
    )


def _open_folder(path: Path) -> ModelFile:
    if _is_plain(path / SAVED_MODEL):
        return ModelFile(
            path, {"class_name": "SavedModel", "config": {}}, {}, _total(path), "saved_model"
        )
    for name in (CONFIG, WEIGHTS):
        if not _is_plain(path / name):
            raise ModelError(
                f"{path}: a directory, not a .keras file",
                reason=f"an unzipped one would hold {name}, a SavedModel {SAVED_MODEL}",
            )
    if (path / CONFIG).stat().st_size > jsontext.MOST_BYTES:
        raise ModelError(f"{path}: {CONFIG} inside is too large")
    config = _parse((path / CONFIG).read_bytes(), CONFIG, path)
    there = _is_plain(path / METADATA) and (path / METADATA).stat().st_size <= jsontext.MOST_BYTES
    metadata = _parse((path / METADATA).read_bytes(), METADATA, path) if there else {}
    # Keras opens such a directory only if its name does not end in .keras; packed, it always does.
    return ModelFile(path, config, metadata, _total(path), "directory", rewritten=True)


def _open_hdf5(path: Path, size: int) -> ModelFile:
    if not size:
        raise ModelError(f"{path}: the file is empty", mend=container.AGAIN)
    if not hdf5.is_hdf5(path):
        raise ModelError(f"{path}: not an HDF5 file", mend="check which file it is")
    with hdf5.opened(path, path) as file:
        text = hdf5.text_attribute(file, "model_config")
        version = hdf5.text_attribute(file, "keras_version")
    if text is None:
        raise ModelError(
            f"{path}: holds weights only, without the model",
            mend="build the model in Python, load them, and save it with model.save('NAME.keras')",
        )
    metadata = {"keras_version": version.decode(errors="replace")} if version else {}
    return ModelFile(path, _parse(text, "model_config", path), metadata, size, "h5")


def _parse(data: bytes, name: str, path: Path) -> Any:
    try:
        return jsontext.parse(data)
    except jsontext.BadJsonError as error:
        raise ModelError(f"{path}: {name} inside {error}") from None


def _is_plain(path: Path) -> bool:
    """Return whether `path` is a regular file itself, not a link to one."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _total(path: Path) -> int:
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())

"""A model file, opened without TensorFlow and without trust.

Four forms are known: a `.keras` archive, such an archive unzipped, an HDF5 file (`.h5`), and the
directory of a SavedModel, which has no configuration to read.
"""

from __future__ import annotations

import hashlib
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
from inputgrad_cli.hashing import sha256_of
from inputgrad_cli.machine.missing_files import is_remote, mend_missing, typed
from inputgrad_cli.modelfile.allow_list import LAYERS
from inputgrad_cli.modelfile.config_files import read_archive, read_folder, read_hdf5
from inputgrad_cli.modelfile.config_nodes import objects
from inputgrad_cli.modelfile.hdf5 import survey
from inputgrad_cli.modelfile.hdf5.heaps import refuse_endless_heaps
from inputgrad_cli.modelfile.hdf5.texts import refuse_shared_texts
from inputgrad_cli.modelfile.migrate import COMPILED, migrate
from inputgrad_cli.modelfile.name_checks import refuse_odd_names
from inputgrad_cli.modelfile.zip import archive as zip_archive
from inputgrad_cli.modelfile.zip.members import CONFIG, WEIGHTS
from inputgrad_cli.modelfile.zip.unzipped import is_plain, model_files

SAVED_MODEL = "saved_model.pb"
VERSION = re.compile(r"[\w.+-]{1,40}")
FEW = 64  # numbers an array: the statistics of channels, not a layer of weights
HDF5_ENDINGS = (".h5", ".hdf5")

Form = Literal["keras", "directory", "h5", "saved_model"]


@dataclass(frozen=True)
class ModelFile:
    """What a model file says of itself: its configuration and who wrote it.

    `rewritten` says that Keras must not read the file's own configuration but `config`, in which
    nothing would compile a model. `compiled` is how the file says that the whole one was;
    of a `.h5` file, all that stands under that word.
    `stamped` is what tells the file from another one of its name.
    """

    path: Path
    config: Mapping[str, Any]
    metadata: Mapping[str, Any]
    size: int
    form: Form = "keras"
    rewritten: bool = False
    compiled: Any = None
    stamped: tuple[tuple[int, ...], ...] = ()

    @property
    def keras_version(self) -> str | None:
        """Return the version of Keras that wrote the file, if it says so."""
        version = self.metadata.get("keras_version")
        is_version = isinstance(version, str) and VERSION.fullmatch(version)
        return version if is_version else None

    @property
    def compiled_loss(self) -> Any:
        """Return the loss that the model was compiled with, as the file writes it, or None."""
        return self.compiled.get("loss") if isinstance(self.compiled, Mapping) else None

    @cached_property
    def sha256(self) -> str:
        """Return SHA-256 of the file, hexadecimal; of a directory: of its names and files."""
        if self.form in ("keras", "h5"):
            digest = sha256_of(self.path)
        else:
            total = hashlib.sha256()
            for path in self._files():
                total.update(f"{path.relative_to(self.path)}\n{sha256_of(path)}\n".encode())
            digest = total.hexdigest()
        self.refuse_changed()
        return digest

    def _files(self) -> list[Path]:
        if self.form == "directory":
            return model_files(self.path)
        if self.form == "saved_model":
            return sorted(path for path in self.path.rglob("*") if path.is_file())
        return [self.path]

    def stamp(self) -> tuple[tuple[int, ...], ...]:
        """Return what tells whether a file was written anew: its number, size and time."""
        found = [os.stat(path) for path in self._files()]
        return tuple((s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns) for s in found)

    def refuse_changed(self) -> None:
        """Raise ModelError where the file is not the one any more that was looked into."""
        try:
            if self.stamp() == self.stamped:
                return
        except OSError:
            pass
        raise ModelError(
            f"{self.path}: the model changed while it was read",
            mend="run again once it is written",
        )

    @cached_property
    def arrays(self) -> tuple[survey.SavedArray, ...]:
        """Return the saved arrays; ModelError where they are missing, damaged or not honest."""
        if self.form == "saved_model":
            return ()
        if self.form == "h5":
            refuse_shared_texts(self.path)
        with self._opened() as (file, held):
            lists = self.form == "h5"
            return survey.survey(file, survey.Source(self.path, held, self.size, lists))

    def numbers(self, layer: str) -> list[list[float]]:
        """Return the few numbers that a layer holds, an array after the other; none if many.

        `layer` is its path among the weights of a `.keras` file. ModelError as for `arrays`.
        """
        own = f"{layer}/vars/"
        wanted = [array for array in self.arrays if array.name.startswith(own)]
        if not wanted or any(math.prod(array.shape) > FEW for array in wanted):
            return []
        with self._opened() as (file, _):
            return [survey.flat(file[array.name]) for array in sorted(wanted, key=lambda a: a.name)]

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, int]]:
        """Yield the HDF5 file of the weights, and how many bytes it may hold."""
        with ExitStack() as stack:
            source, size = self._source(stack)
            if not isinstance(source, Path):  # a path was looked into before its texts were read
                refuse_endless_heaps(source, self.path)
            yield stack.enter_context(survey.opened(source, self.path)), size

    def _source(self, stack: ExitStack) -> tuple[Path | IO[bytes], int]:
        if self.form == "h5":
            return self.path, self.size
        if self.form == "directory":
            weights = self.path / WEIGHTS
            stream = stack.enter_context(weights.open("rb"))
            return stream, weights.stat().st_size
        archive = stack.enter_context(zip_archive.opened(self.path))
        info = zip_archive.find(archive, WEIGHTS, self.path)
        packed = stack.enter_context(zip_archive.reader(archive, info))
        return packed, info.file_size

    @property
    def weights(self) -> tuple[survey.SavedArray, ...]:
        """Return the saved arrays of the model itself, without the optimizer's."""
        apart = ("optimizer/", "_optimizer/", "optimizer_weights/")
        return tuple(array for array in self.arrays if not array.name.startswith(apart))


def open_model(path: Path) -> ModelFile:
    """Return what the model at `path` says; ModelError where it cannot be a model."""
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
            reason=_reason_for_suffix(path),
            mend="save it with model.save('NAME.keras') in Keras 3",
        )
    return _modern(replace(file, stamped=file.stamp()))


def _modern(file: ModelFile) -> ModelFile:
    """Return the file with its configuration checked, and rewritten where it is an older one's."""
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
    if file.form == "h5":  # Keras writes none there, but would build what it finds, also unasked
        compiled = [node[COMPILED] for node in objects(config) if COMPILED in node]
    else:
        config = {key: value for key, value in config.items() if key != COMPILED}
        compiled = file.config.get(COMPILED)
    modern = migrate(config, version if isinstance(version, str) else "", file.form)
    rewritten = file.rewritten or modern != config
    return replace(file, config=modern, metadata=metadata, rewritten=rewritten, compiled=compiled)


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


def _open_folder(path: Path) -> ModelFile:
    if is_plain(path / SAVED_MODEL):
        size = sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
        return ModelFile(path, {"class_name": "SavedModel", "config": {}}, {}, size, "saved_model")
    told = read_folder(path, SAVED_MODEL)
    size = sum(part.stat().st_size for part in model_files(path))
    # Keras opens such a directory only if its name does not end in .keras; packed, it always does.
    return ModelFile(path, *told, size, "directory", rewritten=True)

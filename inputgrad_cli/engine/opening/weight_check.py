"""Checks that an opened model holds all saved weights, and that they are finite."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.hdf5 import array_listing
from inputgrad_cli.modelfile.model_file import ModelFile
from inputgrad_cli.modelfile.zip import model_archive as zip_archive
from inputgrad_cli.modelfile.zip.member_checks import WEIGHTS
from inputgrad_cli.numeric.array_helpers import Array

FLOATS = ("float16", "bfloat16", "float32", "float64")
UNBUILT = "cannot be built automatically"  # Keras's warning; the weights come with the first call
Checksum = tuple[tuple[int, ...], str, int]


def is_built_late(file: ModelFile, model: Any, messages: str) -> bool:
    """Return whether the model creates some weights only in its first call.

    `messages` is what Keras wrote while it opened the model.
    """
    # Keras only warns, and the first call of such a model would create random weights.
    saved = sum(array.is_float for array in _list_variables(file))
    return UNBUILT in messages or saved > len(_list_float_variables(model))


def reload_weights(file: ModelFile, model: Any, path: str) -> None:
    """Read the weights from `path` into a model that was built by its first call."""
    from inputgrad_cli.engine.opening.open_failure_causes import extract_message

    try:
        model.load_weights(path)
    except Exception as error:
        raise ModelError(
            f"{file.path}: the weights do not fit the model",
            reason=extract_message(error),
            kind="weights",
        ) from error


def check_weights(file: ModelFile, model: Any) -> None:
    """Raise ModelError if a saved array was not read, or holds NaN or infinity.

    Arrays are checked one by one, because together they take as much memory as the model.
    """
    # A class that reads its variables itself may change the values on the way.
    cannot_compare = file.form == "saved_model" or _has_own_reader(model)
    counts: Counter[Checksum] = Counter()
    dtypes: dict[str, Any] = {}
    for name, value in _yield_float_values(model):
        if not np.isfinite(value).all():
            raise ModelError(
                f"{file.path}: weight {name!r} holds NaN or infinity",
                reason="the training diverged",
                kind="weights",
            )
        if not cannot_compare:
            counts[_compute_checksum(value)] += 1
            dtypes[value.dtype.name] = value.dtype
    lost = [] if cannot_compare else _find_lost(file, counts, list(dtypes.values()))
    if lost:
        names = ", ".join(lost[:3]) + (", ..." if len(lost) > 3 else "")
        raise ModelError(
            f"{file.path}: {len(lost)} saved arrays were not read into the model ({names})",
            reason="its build() or call() does not make all layers again",
            hint="give the class a build(input_shape) that builds every layer",
            kind="weights",
        )


def _list_variables(file: ModelFile) -> list[array_listing.SavedArray]:
    """Return the saved arrays that become variables of the model.

    Keras reads the tf-idf weights of TextVectorization and lookup layers into tensors instead.
    """
    return [array for array in file.weights if array.name.rpartition("/")[2] != "idf_weights"]


def _list_float_variables(model: Any) -> list[Any]:
    """Return all float variables, including those of metrics."""
    return [v for v in model.variables if tf.as_dtype(v.dtype).name in FLOATS]


def _yield_float_values(model: Any) -> Iterator[tuple[str, Array]]:
    """Yield name and value of all float variables, including those of metrics."""
    for variable in _list_float_variables(model):
        yield str(getattr(variable, "path", variable.name)), np.asarray(variable)


def _has_own_reader(model: Any) -> bool:
    """Return whether a user's class overrides how its variables are read."""
    nodes = [model, *model._flatten_layers()]
    readers = [getattr(type(node), "load_own_variables", None) for node in nodes]
    return any(reader and not reader.__module__.startswith("keras.") for reader in readers)


def _find_lost(file: ModelFile, counts: Counter[Checksum], dtypes: Sequence[Any]) -> list[str]:
    """Return the names of the saved float arrays that no variable holds.

    Each match is subtracted from `counts`, which has the number of variables by checksum.
    """
    lost = []
    for name, array in _yield_saved(file):
        # The variable may have another float type than the saved array, and holds it converted.
        checksums = [_compute_checksum(array.astype(dtype)) for dtype in dtypes]
        match = next((checksum for checksum in checksums if counts[checksum] > 0), None)
        if match is None:
            lost.append(name)
        else:
            counts[match] -= 1
    return lost


def _compute_checksum(value: Array) -> Checksum:
    # The values themselves would take as much memory as the model once more.
    contiguous = np.ascontiguousarray(value)
    return value.shape, value.dtype.name, zlib.crc32(contiguous.view(np.uint8).reshape(-1).data)


def _yield_saved(file: ModelFile) -> Iterator[tuple[str, Array]]:
    """Yield name and value of all saved float arrays of a model file."""
    if file.form == "h5":
        with array_listing.open_hdf5(file.path, file.path) as weights:
            yield from _yield_arrays(file, weights)
    elif file.form == "directory":
        with array_listing.open_hdf5(file.path / WEIGHTS, file.path) as weights:
            yield from _yield_arrays(file, weights)
    else:
        with zip_archive.open_archive(file.path) as archive:
            info = zip_archive.find_member(archive, WEIGHTS, file.path)
            with (
                zip_archive.open_member(archive, info) as stream,
                array_listing.open_hdf5(stream, file.path) as weights,
            ):
                yield from _yield_arrays(file, weights)


def _yield_arrays(file: ModelFile, weights: Any) -> Iterator[tuple[str, Array]]:
    for array in _list_variables(file):
        # bfloat16 is excluded, because it is stored as bytes without a type.
        if array.dtype.startswith("float"):
            yield array.name, np.asarray(weights[array.name])

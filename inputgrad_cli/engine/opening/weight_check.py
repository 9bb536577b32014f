"""Whether the model that was opened holds the weights that were saved: all of them, and numbers."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.hdf5 import survey
from inputgrad_cli.modelfile.model_file import ModelFile
from inputgrad_cli.modelfile.zip import archive as zip_archive
from inputgrad_cli.modelfile.zip.members import WEIGHTS
from inputgrad_cli.numeric.arrays import Array

FLOATS = ("float16", "bfloat16", "float32", "float64")
UNBUILT = "cannot be built automatically"
Mark = tuple[tuple[int, ...], str, int]


def is_late(file: ModelFile, model: Any, said: str) -> bool:
    """Return whether the model has yet to make some of its weights, and would draw them."""
    saved = sum(array.is_float for array in _variables(file))
    return UNBUILT in said or saved > len(_floating(model))


def read_again(file: ModelFile, model: Any, path: str) -> None:
    """Read the weights from `path` into a model that has built itself by running once."""
    from inputgrad_cli.engine.opening.open_errors import short

    try:
        model.load_weights(path)
    except Exception as error:
        raise ModelError(
            f"{file.path}: the weights do not fit the model", reason=short(error), kind="weights"
        ) from error


def check(file: ModelFile, model: Any) -> None:
    """Raise ModelError where a saved array did not arrive, or holds what is no number.

    One array is looked at after the other: all of them together would take as much as the model.
    """
    by_itself = file.form == "saved_model" or _has_own_reader(model)
    there: Counter[Mark] = Counter()
    kinds: dict[str, Any] = {}
    for name, value in _floats(model):
        if not np.isfinite(value).all():
            raise ModelError(
                f"{file.path}: weight {name!r} holds NaN or infinity",
                reason="the training diverged",
                kind="weights",
            )
        if not by_itself:
            there[_mark(value)] += 1
            kinds[value.dtype.name] = value.dtype
    lost = [] if by_itself else _lost(file, there, list(kinds.values()))
    if lost:
        named = ", ".join(lost[:3]) + (", ..." if len(lost) > 3 else "")
        raise ModelError(
            f"{file.path}: {len(lost)} saved arrays were not read into the model ({named})",
            reason="its build() or call() does not make all layers again",
            mend="give the class a build(input_shape) that builds every layer",
            kind="weights",
        )


def _variables(file: ModelFile) -> list[survey.SavedArray]:
    """Return the saved arrays that become variables of the model.

    What a TextVectorization or a lookup counted for tf-idf is read by Keras into a plain tensor.
    """
    return [array for array in file.weights if array.name.rpartition("/")[2] != "idf_weights"]


def _floating(model: Any) -> list[Any]:
    """Return every floating variable, the metrics' included."""
    return [v for v in model.variables if tf.as_dtype(v.dtype).name in FLOATS]


def _floats(model: Any) -> Iterator[tuple[str, Array]]:
    """Yield name and value of every floating variable, the metrics' included."""
    for variable in _floating(model):
        yield str(getattr(variable, "path", variable.name)), np.asarray(variable)


def _has_own_reader(model: Any) -> bool:
    """Return whether a class of the user's reads its variables in its own way."""
    nodes = [model, *model._flatten_layers()]
    readers = [getattr(type(node), "load_own_variables", None) for node in nodes]
    return any(reader and not reader.__module__.startswith("keras.") for reader in readers)


def _lost(file: ModelFile, there: Counter[Mark], kinds: Sequence[Any]) -> list[str]:
    """Return the names of the saved floating arrays that no variable holds."""
    lost = []
    for name, array in _saved(file):
        marks = [_mark(array.astype(kind)) for kind in kinds]
        match = next((mark for mark in marks if there[mark] > 0), None)
        if match is None:
            lost.append(name)
        else:
            there[match] -= 1
    return lost


def _mark(value: Array) -> Mark:
    plain = np.ascontiguousarray(value)
    return value.shape, value.dtype.name, zlib.crc32(plain.view(np.uint8).reshape(-1).data)


def _saved(file: ModelFile) -> Iterator[tuple[str, Array]]:
    if file.form == "h5":
        with survey.opened(file.path, file.path) as weights:
            yield from _arrays(file, weights)
    elif file.form == "directory":
        with survey.opened(file.path / WEIGHTS, file.path) as weights:
            yield from _arrays(file, weights)
    else:
        with zip_archive.opened(file.path) as archive:
            info = zip_archive.find(archive, WEIGHTS, file.path)
            with (
                zip_archive.reader(archive, info) as stream,
                survey.opened(stream, file.path) as weights,
            ):
                yield from _arrays(file, weights)


def _arrays(file: ModelFile, weights: Any) -> Iterator[tuple[str, Array]]:
    for array in _variables(file):
        if array.dtype.startswith("float"):  # bfloat16 is stored as bytes without a type
            yield array.name, np.asarray(weights[array.name])

"""Converts an array of a file to the type and shape of a model input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.numeric.array_helpers import Array, format_shape


class FittedArray(NamedTuple):
    """An array in the input's type, with the batch axis.

    `many` is True if the array had a sample axis; `failed` has the errors of samples that do not
    fit, by index.
    """

    array: Array
    many: bool
    failed: Mapping[int, ItemError]


def fit_array(array: Array, spec: InputSpec, where: str) -> FittedArray:
    """Return `array` in the input's type (floats as float32 or float64), with a batch axis.

    An array of the input's shape is one sample; with one more leading axis it holds many. An
    integer input takes only whole numbers in its range; if some of many samples break that, only
    these fail. `where` names the file in messages. Raises ItemError (kinds `dtype`, `shape`,
    `empty`).
    """
    array = _check_kind(array, spec, where)
    shape, many = find_sample_shape(array.shape, spec, where)
    if many and (array.ndim == 0 or len(array) == 0):
        raise ItemError(f"{where}: holds no sample", kind="empty")
    if many:
        return fit_rows(array.reshape(len(array), *shape), spec, where)
    rows, reasons = _cast(array.reshape(1, *shape), spec)
    if reasons:
        raise _build_misfit_error(reasons[0], spec, where)
    return FittedArray(rows, many, {})


def fit_rows(rows: Array, spec: InputSpec, where: str, first: int = 0) -> FittedArray:
    """Return samples (N, ...) of numbers or texts in the input's type, whatever their number.

    They may be a part of a file whose sample at index `first` is the first of them.
    """
    values, reasons = _cast(rows, spec)
    failed = {
        first + row: _build_misfit_error(reason, spec, f"{where}, sample {first + row}")
        for row, reason in reasons.items()
    }
    return FittedArray(values, True, failed)


def _build_misfit_error(reason: str, spec: InputSpec, location: str) -> ItemError:
    return ItemError(
        f"{location}: {reason}",
        reason=f"input {spec.name!r} takes {_describe_values(spec)}",
        kind="dtype",
    )


def _check_kind(array: Array, spec: InputSpec, where: str) -> Array:
    """Return numbers unchanged and texts decoded; ItemError for other types."""
    if spec.kind == "text":
        return decode_texts(array, spec, where)
    if array.dtype.kind in "biuf":
        return array
    raise ItemError(
        f"{where}: values of type {array.dtype} cannot be model input",
        reason=f"input {spec.name!r} takes numbers",
        kind="dtype",
    )


def decode_texts(array: Array, spec: InputSpec, where: str) -> Array:
    """Return an array of texts; bytes are decoded as UTF-8. Raises ItemError (kind `dtype`)."""
    try:
        if array.dtype.kind == "S":
            array = np.char.decode(array, "utf-8")
    except UnicodeDecodeError:
        raise ItemError(f"{where}: holds text that is not UTF-8", kind="dtype") from None
    if array.dtype.kind == "U":
        if not _is_unicode(array):
            raise ItemError(f"{where}: holds text that is not Unicode", kind="dtype")
        return array
    raise ItemError(
        f"{where}: values of type {array.dtype} are not text",
        reason=f"input {spec.name!r} takes text",
        kind="dtype",
    )


def _is_unicode(array: Array) -> bool:
    """Return whether UTF-8 can encode the texts; NumPy stores any 32 bits as a character."""
    if not array.dtype.itemsize:
        return True
    flat = np.ascontiguousarray(array, array.dtype.newbyteorder("=")).reshape(-1)
    codes = flat.view(np.uint32)
    # Beyond the last character of Unicode, or half of a surrogate pair.
    return not ((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes < 0xE000))).any()


def _describe_values(spec: InputSpec) -> str:
    if spec.kind == "bool":
        return "0 and 1, or false and true"
    info = np.iinfo(spec.dtype)
    return f"whole numbers from {info.min} to {info.max}"


def _cast(rows: Array, spec: InputSpec) -> tuple[Array, dict[int, str]]:
    """Return (N, ...) values in the input's type, and a message for each sample that misfits."""
    if spec.kind == "text":
        return rows, {}
    if spec.kind == "float":
        # What float32 cannot hold becomes infinity, and then fails as a value that is not finite.
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(rows, spec.float_dtype), {}
    misfit = _find_misfits(rows, spec)
    messages = {}
    for row in np.flatnonzero(misfit.reshape(len(rows), -1).any(axis=1)):
        position = tuple(int(i) for i in np.argwhere(misfit[row])[0])
        at = f" at {list(position)}" if position else ""
        messages[int(row)] = f"the value {rows[row][position]}{at} does not fit"
    # NumPy does not define what a cast of NaN or of a number out of range gives. The samples that
    # hold one fail, so their other values do not matter.
    valid = np.where(misfit, np.zeros((), rows.dtype), rows)
    return np.ascontiguousarray(valid.astype(spec.dtype)), messages


def _find_misfits(rows: Array, spec: InputSpec) -> Array:
    """Return a mask of the values that an integer or bool input cannot hold."""
    if spec.kind == "bool":
        return np.asarray((rows != 0) & (rows != 1))
    info = np.iinfo(spec.dtype)
    if rows.dtype.kind == "f":
        # max + 1 is a power of two, exact as a float where max itself is rounded.
        values = rows.astype(np.float64)
        inside = (values >= float(info.min)) & (values < float(info.max + 1))
        return np.asarray(~(inside & (values == np.floor(values))))
    if rows.dtype.kind == "b":
        return np.zeros(rows.shape, bool)
    return np.asarray((rows < info.min) | (rows > info.max))


def find_sample_shape(
    shape: tuple[int, ...], spec: InputSpec, where: str
) -> tuple[tuple[int, ...], bool]:
    """Return the shape of a sample, and whether an array of `shape` holds many samples.

    Axes of length one may be added or removed. Raises ItemError (kind `shape`).
    """
    if spec.shape is None:
        # Nothing tells what a sample is, so the first axis is taken for that of the samples.
        return shape[1:], True
    # An array of exactly the input's shape is one sample, whatever else its shape could mean.
    if spec.can_take(shape):
        return shape, False
    as_single = spec.align_shape(shape), False
    as_many = spec.align_shape(shape[1:]) if shape else None, True
    # With as many axes as a sample has, or more, the first one is read as the sample axis.
    readings = (as_many, as_single) if len(shape) >= len(spec.shape) else (as_single, as_many)
    for sample, many in readings:
        if sample is not None:
            return sample, many
    raise ItemError(
        f"{where}: shape {format_shape(shape)} does not fit input {spec.name!r}",
        reason=f"one sample is {format_shape(spec.shape)}, "
        f"many are {format_shape((None, *spec.shape))}",
        kind="shape",
    )

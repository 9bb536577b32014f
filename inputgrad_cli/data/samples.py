"""What one input file holds, in the normal form: names to arrays, batch axis first."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from inputgrad_cli.data.preprocessing import Preprocess, known
from inputgrad_cli.data.signature import Port
from inputgrad_cli.errors import ItemError
from inputgrad_cli.numeric.arrays import Array, Arrays, count, digest, join, printable_shape, take
from inputgrad_cli.numeric.lazy_array import ranges
from inputgrad_cli.numeric.ragged import is_uneven


@dataclass(frozen=True)
class Samples:
    """The samples of one item, or of several that travel together.

    `many` says that results keep the sample axis (a table of one row has it too). `pixels` holds,
    for inputs read from picture files, the pictures 0..255 as the model sees them before its
    preprocessing: uint8 (N, H, W, C), whatever its own order; the preprocessing is in `preprocess`.
    `header` has the names of a table's columns in the file's order; `failed` the samples that
    cannot be used, by number; `notes` what was done to the data, by code; `record` what goes into
    the metadata as it is.
    """

    arrays: Arrays
    many: bool = False
    pixels: Arrays = field(default_factory=dict)
    preprocess: Mapping[str, Preprocess] = field(default_factory=dict)
    header: tuple[str, ...] = ()
    failed: Mapping[int, ItemError] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return count(self.arrays)

    @property
    def uneven(self) -> bool:
        """Return whether the samples have unequal shapes, so that each has a result of its own."""
        return any(is_uneven(array) for array in self.arrays.values())

    def single(self, row: int) -> Samples:
        """Return one of many samples as if its file held no other."""
        record = dict(self.record)
        if "ids" in record:
            record["id"] = record.pop("ids")[row]
        return replace(self.rows([row]), many=False, record=record)

    def rows(self, chosen: Sequence[int]) -> Samples:
        """Return the chosen samples alone."""
        index = np.asarray(chosen, np.intp)
        return replace(
            self, arrays=take(self.arrays, index), pixels=take(self.pixels, index), failed={}
        )

    def renamed(self, names: Mapping[str, str]) -> Samples:
        """Return the samples with inputs called by other names, where `names` has one."""
        return replace(
            self,
            arrays={names.get(name, name): array for name, array in self.arrays.items()},
            header=tuple(names.get(name, name) for name in self.header),
        )


def suited(preprocess: Preprocess, port: Port) -> Preprocess:
    """Return the preprocessing as this picture input needs it: its axes, and its whole numbers."""
    if port.kind == "integer" and not preprocess.keeps_values and preprocess.source != "option":
        preprocess = known("raw", f"the input's type, {port.dtype}")
    if (preprocess.channels_first, preprocess.flat) == (port.channels_first, port.is_flat):
        return preprocess
    return replace(preprocess, channels_first=port.channels_first, flat=port.is_flat)


def layout(ports: Sequence[Port]) -> dict[str, Any]:
    """Return for the record which picture inputs are (C, H, W) or (H, W), to be drawn right."""
    first = [port.name for port in ports if port.is_picture and port.channels_first]
    flat = [port.name for port in ports if port.is_picture and port.is_flat]
    return {key: names for key, names in (("channels_first", first), ("flat", flat)) if names}


def together(parts: Sequence[Samples]) -> Samples:
    """Return samples of one shape as one batch."""
    if len(parts) == 1:
        return parts[0]
    return replace(
        parts[0],
        arrays=join([part.arrays for part in parts]),
        pixels=join([part.pixels for part in parts]) if parts[0].pixels else {},
    )


def keys(arrays: Arrays, seed: int) -> list[bytes]:
    """Return one key a sample, from the seed and the sample's content alone."""
    prefix = f"{seed}\0".encode()
    rows = range(count(arrays))
    return [hashlib.sha256(prefix + digest(take(arrays, slice(i, i + 1)))).digest() for i in rows]


class Fit(NamedTuple):
    """An array as the input takes it, with the batch axis; `failed` are samples that do not fit."""

    array: Array
    many: bool
    failed: Mapping[int, ItemError]


def fit(array: Array, port: Port, where: str, first: int = 0) -> Fit:
    """Return `array` in the input's type (floats as float32, or float64), and how many it holds.

    The batch axis is always there. An array of the input's shape is one sample; with one more
    leading axis it is many. Whole-number inputs take whole numbers in their range alone; where one
    of many samples breaks that, it fails alone. Raises ItemError (kinds `dtype`, `shape`, `empty`).
    Of an array that is a part of one, `first` is the number of its first sample.
    """
    array = _of_kind(array, port, where)
    shape, many = fitting(array.shape, port, where)
    if many and (array.ndim == 0 or len(array) == 0):
        raise ItemError(f"{where}: holds no sample", kind="empty")
    rows, wrong = _cast(np.reshape(array, (len(array) if many else 1, *shape)), port)
    failed = {}
    for row, what in wrong.items():
        place = f"{where}, sample {first + row}" if many else where
        failed[first + row] = ItemError(
            f"{place}: {what}", reason=f"input {port.name!r} takes {_takes(port)}", kind="dtype"
        )
    if failed and not many:
        raise failed[first]
    return Fit(rows, many, failed)


def _of_kind(array: Array, port: Port, where: str) -> Array:
    if port.kind == "text":
        return texts(array, port, where)
    if array.dtype.kind in "biuf":
        return array
    raise ItemError(
        f"{where}: values of type {array.dtype} cannot be model input",
        reason=f"input {port.name!r} takes numbers",
        kind="dtype",
    )


def texts(array: Array, port: Port, where: str) -> Array:
    """Return an array of texts; bytes are read as UTF-8. Raises ItemError (kind `dtype`)."""
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
        reason=f"input {port.name!r} takes text",
        kind="dtype",
    )


def _is_unicode(array: Array) -> bool:
    """Return whether UTF-8 can write the texts: NumPy holds any 32 bits as a character."""
    if not array.dtype.itemsize:
        return True
    flat = np.ascontiguousarray(array, array.dtype.newbyteorder("=")).reshape(-1)
    codes = flat.view(np.uint32)
    return not ((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes < 0xE000))).any()


def _takes(port: Port) -> str:
    if port.kind == "bool":
        return "0 and 1, or false and true"
    info = np.iinfo(port.dtype)
    return f"whole numbers from {info.min} to {info.max}"


def _cast(rows: Array, port: Port) -> tuple[Array, dict[int, str]]:
    """Return (N, ...) values in the input's type, and the first wrong value of each wrong row."""
    if port.kind == "text":
        return rows, {}
    if port.kind == "float":
        with np.errstate(over="ignore"):
            dtype = np.float64 if port.dtype == "float64" else np.float32
            return np.ascontiguousarray(rows, dtype), {}
    misfit = _misfits(rows, port)
    told = {}
    for row in np.flatnonzero(misfit.reshape(len(rows), -1).any(axis=1)):
        place = tuple(int(i) for i in np.argwhere(misfit[row])[0])
        at = f" at {list(place)}" if place else ""
        told[int(row)] = f"the value {rows[row][place]}{at} does not fit"
    whole = np.where(misfit, np.zeros((), rows.dtype), rows)
    return np.ascontiguousarray(whole.astype(port.dtype)), told


def _misfits(rows: Array, port: Port) -> Array:
    """Return where a value is not one that the whole-number or bool input can hold."""
    if port.kind == "bool":
        return np.asarray((rows != 0) & (rows != 1))
    info = np.iinfo(port.dtype)
    if rows.dtype.kind == "f":
        # max + 1 is a power of two, exact as a float where max itself is rounded.
        values = rows.astype(np.float64)
        inside = (values >= float(info.min)) & (values < float(info.max + 1))
        return np.asarray(~(inside & (values == np.floor(values))))
    if rows.dtype.kind == "b":
        return np.zeros(rows.shape, bool)
    return np.asarray((rows < info.min) | (rows > info.max))


def fitting(shape: tuple[int, ...], port: Port, where: str) -> tuple[tuple[int, ...], bool]:
    """Return the shape of a sample, and whether an array of `shape` holds many of them.

    An array may have axes of one that the model does not have, and lack those that it has.
    Raises ItemError (kind `shape`).
    """
    if port.shape is None:
        return shape[1:], True
    if port.accepts(shape):
        return shape, False
    single = port.fitting(shape), False
    several = port.fitting(shape[1:]) if shape else None, True
    # With as many axes as the model's, or more, the first is that of the samples.
    readings = (several, single) if len(shape) >= len(port.shape) else (single, several)
    for sample, many in readings:
        if sample is not None:
            return sample, many
    raise ItemError(
        f"{where}: shape {printable_shape(shape)} does not fit input {port.name!r}",
        reason=f"one sample is {printable_shape(port.shape)}, "
        f"many are {printable_shape((None, *port.shape))}",
        kind="shape",
    )


def nonfinite(arrays: Arrays, where: str) -> dict[int, ItemError]:
    """Return an error for each sample that holds NaN or infinity among its floats."""
    bad: dict[int, ItemError] = {}
    for name, array in arrays.items():
        if array.dtype.kind != "f" or is_uneven(array):  # each of those was looked at alone
            continue
        for start, stop in ranges(array.shape, array.dtype.itemsize):
            part = array[start:stop]
            fine = np.isfinite(part).reshape(len(part), -1)
            for row in np.flatnonzero(~fine.all(axis=1)):
                lost = int(np.count_nonzero(~fine[row]))
                bad[start + int(row)] = ItemError(
                    f"{where}: {lost} of {part[row].size} values of {name!r} are NaN or infinite",
                    reason="no gradient has a meaning there",
                    kind="nonfinite",
                )
    return bad

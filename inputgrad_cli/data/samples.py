"""Holds the samples of input files as arrays by input name, with the batch axis first."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from inputgrad_cli.data.axes import Axes
from inputgrad_cli.data.preprocessing import Preprocess, get_preset
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.numeric.arrays import (
    Array,
    Arrays,
    concat_rows,
    count_rows,
    digest_arrays,
    format_shape,
    take_rows,
)
from inputgrad_cli.numeric.lazy_array import split_rows
from inputgrad_cli.numeric.ragged import is_ragged


@dataclass(frozen=True)
class Samples:
    """The samples of one item, or of several items that are computed as one batch.

    `many` is True if results keep the sample axis (a table of one row has it too). `pixels` holds,
    for inputs read from picture files, the pictures 0..255 as the model sees them before its
    preprocessing: uint8 (N, H, W, C), whatever axis order the model has; the preprocessing is in
    `preprocess`. `header` has the names of a table's columns in the file's order, `failed` the
    errors of samples that cannot be used by index, `notes` the changes made to the data by code,
    and `record` what is copied into the metadata.
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
        return count_rows(self.arrays)

    @property
    def sample_count(self) -> int | None:
        """Return the length of the sample axis of results, None if they have no such axis."""
        return len(self) if self.many else None

    @property
    def row_labels(self) -> Sequence[int | None]:
        """Return what each sample is called in the stream: its index, None for a single one."""
        return range(len(self)) if self.many else (None,)

    @property
    def usable_rows(self) -> list[int]:
        """Return the indices of the samples that can be used."""
        return [row for row in range(len(self)) if row not in self.failed]

    @property
    def axes(self) -> Axes:
        """Return which axes the inputs have."""
        record = self.record
        return Axes(frozenset(record.get("channels_first", ())), frozenset(record.get("flat", ())))

    @property
    def is_ragged(self) -> bool:
        """Return whether the samples differ in shape, so that each gets a separate result."""
        return any(is_ragged(array) for array in self.arrays.values())

    def extract_sample(self, row: int) -> Samples:
        """Return the sample at index `row` as if it were the only one in its file."""
        record = dict(self.record)
        if "ids" in record:
            record["id"] = record.pop("ids")[row]
        return replace(self.select_rows([row]), many=False, record=record)

    def select_rows(self, rows: Sequence[int]) -> Samples:
        """Return only the samples at the indices `rows`."""
        index = np.asarray(rows, np.intp)
        return replace(
            self,
            arrays=take_rows(self.arrays, index),
            pixels=take_rows(self.pixels, index),
            failed={},
        )

    def rename_inputs(self, names: Mapping[str, str]) -> Samples:
        """Return the samples with inputs renamed by the mapping `names`; others keep theirs."""
        return replace(
            self,
            arrays={names.get(name, name): array for name, array in self.arrays.items()},
            header=tuple(names.get(name, name) for name in self.header),
        )


def match_input(preprocess: Preprocess, spec: InputSpec) -> Preprocess:
    """Return the preprocessing adapted to a picture input: its axis order and integer type."""
    if spec.kind == "integer" and not preprocess.keeps_values and preprocess.source != "option":
        preprocess = get_preset("raw", f"the input's type, {spec.dtype}")
    if (preprocess.channels_first, preprocess.flat) == (spec.channels_first, spec.is_flat):
        return preprocess
    return replace(preprocess, channels_first=spec.channels_first, flat=spec.is_flat)


def describe_layout(specs: Sequence[InputSpec]) -> dict[str, list[str]]:
    """Return the names of picture inputs that are (C, H, W) or (H, W).

    The record keeps them, so that maps can be drawn in the right axis order.
    """
    first = [spec.name for spec in specs if spec.is_image and spec.channels_first]
    flat = [spec.name for spec in specs if spec.is_image and spec.is_flat]
    return {key: names for key, names in (("channels_first", first), ("flat", flat)) if names}


def join_samples(parts: Sequence[Samples]) -> Samples:
    """Return samples of the same shape as one batch."""
    if len(parts) == 1:
        return parts[0]
    return replace(
        parts[0],
        arrays=concat_rows([part.arrays for part in parts]),
        pixels=concat_rows([part.pixels for part in parts]) if parts[0].pixels else {},
    )


def compute_keys(arrays: Arrays, seed: int) -> list[bytes]:
    """Return one key per sample for random draws, from the seed and the sample's values only."""
    prefix = f"{seed}\0".encode()
    rows = range(count_rows(arrays))
    return [
        hashlib.sha256(prefix + digest_arrays(take_rows(arrays, slice(i, i + 1)))).digest()
        for i in rows
    ]


class FittedArray(NamedTuple):
    """An array in the input's type, with the batch axis.

    `many` is True if the array had a sample axis; `failed` has the errors of samples that do not
    fit, by index.
    """

    array: Array
    many: bool
    failed: Mapping[int, ItemError]


def fit_array(array: Array, spec: InputSpec, where: str, first: int = 0) -> FittedArray:
    """Return `array` in the input's type (floats as float32 or float64), with a batch axis.

    An array of the input's shape is one sample; with one more leading axis it holds many. An
    integer input takes only whole numbers in its range; if some of many samples break that, only
    these fail. If `array` is a chunk of a larger one, `first` is the index of its first sample.
    `where` names the file in messages. Raises ItemError (kinds `dtype`, `shape`, `empty`).
    """
    array = _check_kind(array, spec, where)
    shape, many = find_sample_shape(array.shape, spec, where)
    if many and (array.ndim == 0 or len(array) == 0):
        raise ItemError(f"{where}: holds no sample", kind="empty")
    rows, wrong = _cast(np.reshape(array, (len(array) if many else 1, *shape)), spec)
    failed = {}
    for row, reason in wrong.items():
        location = f"{where}, sample {first + row}" if many else where
        failed[first + row] = ItemError(
            f"{location}: {reason}",
            reason=f"input {spec.name!r} takes {_describe_values(spec)}",
            kind="dtype",
        )
    if failed and not many:
        raise failed[first]
    return FittedArray(rows, many, failed)


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
        with np.errstate(over="ignore"):
            dtype = np.float64 if spec.dtype == "float64" else np.float32
            return np.ascontiguousarray(rows, dtype), {}
    misfit = _find_misfits(rows, spec)
    messages = {}
    for row in np.flatnonzero(misfit.reshape(len(rows), -1).any(axis=1)):
        position = tuple(int(i) for i in np.argwhere(misfit[row])[0])
        at = f" at {list(position)}" if position else ""
        messages[int(row)] = f"the value {rows[row][position]}{at} does not fit"
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
        return shape[1:], True
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


def find_nonfinite(arrays: Arrays, where: str) -> dict[int, ItemError]:
    """Return, by index, an error for each sample whose floats hold NaN or infinity."""
    errors: dict[int, ItemError] = {}
    for name, array in arrays.items():
        if array.dtype.kind != "f" or is_ragged(array):  # ragged samples were checked one by one
            continue
        for start, stop in split_rows(array.shape, array.dtype.itemsize):
            chunk = array[start:stop]
            finite = np.isfinite(chunk).reshape(len(chunk), -1)
            for row in np.flatnonzero(~finite.all(axis=1)):
                bad = int(np.count_nonzero(~finite[row]))
                errors[start + int(row)] = ItemError(
                    f"{where}: {bad} of {chunk[row].size} values of {name!r} are NaN or infinite",
                    reason="no gradient has a meaning there",
                    kind="nonfinite",
                )
    return errors

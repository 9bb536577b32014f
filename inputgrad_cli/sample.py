"""What one input file holds, in the normal form: names to arrays, batch axis first."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from inputgrad_cli.arrays import Array, Arrays, count, digest, join, printable_shape, sum_rows, take
from inputgrad_cli.errors import ItemError
from inputgrad_cli.preprocess import Preprocess
from inputgrad_cli.signature import Port


@dataclass(frozen=True)
class Samples:
    """The samples of one item, or of several that travel together.

    `many` says that results keep the sample axis (a table of one row has it too). `pixels` holds,
    for inputs read from picture files, the pictures 0..255 (N, H, W, C) as the model sees them
    before its preprocessing, which is in `preprocess`; `header` a table's column names; `failed`
    the samples that cannot be used, by number; `notes` what was done to the data, by code.
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

    def rows(self, chosen: Sequence[int]) -> Samples:
        """Return the chosen samples alone."""
        index = np.asarray(chosen, np.intp)
        return replace(
            self, arrays=take(self.arrays, index), pixels=take(self.pixels, index), failed={}
        )


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


def fit(array: Array, port: Port, where: str) -> tuple[Array, bool]:
    """Return `array` as float32 (float64 where the input is) and whether it holds many samples.

    The batch axis is always there. An array of the input's shape is one sample; with one more
    leading axis it is many. Raises ItemError (kinds `dtype`, `shape`, `empty`).
    """
    if array.dtype.kind not in "biuf":
        raise ItemError(
            f"{where}: values of type {array.dtype} cannot be model input",
            reason=f"input {port.name!r} takes numbers",
            kind="dtype",
        )
    many = _is_many(array, port, where)
    if many and (array.ndim == 0 or len(array) == 0):
        raise ItemError(f"{where}: holds no sample", kind="empty")
    with np.errstate(over="ignore"):
        out = np.ascontiguousarray(array, np.float64 if port.dtype == "float64" else np.float32)
    return (out if many else out[np.newaxis]), many


def _is_many(array: Array, port: Port, where: str) -> bool:
    if port.shape is None:
        return True
    if port.accepts(array.shape):
        return False
    if array.ndim and port.accepts(array.shape[1:]):
        return True
    raise ItemError(
        f"{where}: shape {printable_shape(array.shape)} does not fit input {port.name!r}",
        reason=f"one sample is {printable_shape(port.shape)}, "
        f"many are {printable_shape((None, *port.shape))}",
        kind="shape",
    )


def nonfinite(arrays: Arrays, where: str) -> dict[int, ItemError]:
    """Return an error for each sample that holds NaN or infinity in float32."""
    bad: dict[int, ItemError] = {}
    for name, array in arrays.items():
        for row in np.flatnonzero(~np.isfinite(sum_rows(np.abs(array)))):
            lost = int(np.count_nonzero(~np.isfinite(array[row])))
            bad[int(row)] = ItemError(
                f"{where}: {lost} of {array[row].size} values of {name!r} are NaN or infinite",
                reason="no gradient has a meaning there",
                kind="nonfinite",
            )
    return bad

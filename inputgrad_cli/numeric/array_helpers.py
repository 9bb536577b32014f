"""Helpers for arrays, and for dictionaries of arrays that share a batch axis."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.floating[Any]]
Arrays = Mapping[str, Array]
"""Arrays by name. Axis 0 is the batch wherever they are passed between packages."""


def count_rows(arrays: Arrays) -> int:
    """Return the length of the batch axis; all arrays have the same."""
    return int(next(iter(arrays.values())).shape[0])


def take_rows(arrays: Arrays, rows: Any) -> dict[str, Array]:
    """Return the chosen rows of the batch axis of every array."""
    return {name: array[rows] for name, array in arrays.items()}


def concat_rows(parts: Iterable[Arrays]) -> dict[str, Array]:
    """Concatenate the parts along the batch axis."""
    rows = list(parts)
    if len(rows) == 1:
        return dict(rows[0])
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def sum_rows(array: Array) -> NDArray[np.float64]:
    """Return the sum of each row over all its other axes, in float64: shape (B,)."""
    return np.asarray(np.sum(array, axis=tuple(range(1, array.ndim)), dtype=np.float64))


def expand_like(row_values: Array, like: Array) -> Array:
    """Append axes of length one to (B,) values, so that they broadcast over `like`."""
    return row_values.reshape(row_values.shape + (1,) * (like.ndim - 1))


def swap_zeros(array: Array) -> Array:
    """Return 1 for every 0 and 0 for the rest, in the type of the array; booleans are negated."""
    return np.where(array == 0, 1, 0).astype(array.dtype)


def rescale_to_unit(array: Array, axes: tuple[int, ...]) -> Floats:
    """Return the floats scaled to 0..1 along these axes; where all are equal, they become 0."""
    low = array.min(axis=axes, keepdims=True)
    span = array.max(axis=axes, keepdims=True) - low
    return np.asarray(np.divide(array - low, span, out=np.zeros_like(array), where=span > 0))


def digest_arrays(arrays: Arrays) -> bytes:
    """Return the SHA-256 digest of names, dtypes, shapes and values."""
    state = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        # The dtype of a text array holds the length of its longest text, which depends on other
        # samples of the batch; so it does not enter the digest.
        dtype = "text" if array.dtype.kind == "U" else array.dtype.str
        state.update(f"{name}\0{dtype}{array.shape}\0".encode())
        state.update(_encode_texts(array) if array.dtype.kind == "U" else array.tobytes())
    return state.digest()


def _encode_texts(array: Array) -> bytes:
    # The length of each text keeps "ab", "c" apart from "a", "bc".
    texts = [str(text).encode("utf-8", "surrogatepass") for text in array.flat]
    return b"".join(len(text).to_bytes(8, "big") + text for text in texts)


def fill_open_axes(shape: Iterable[int | None], like: tuple[int, ...]) -> tuple[int, ...]:
    """Give axes of unknown length the length that they have in `like`; one if it lacks them."""
    return tuple(dim or (like[axis] if axis < len(like) else 1) for axis, dim in enumerate(shape))


def align_shape(shape: tuple[int, ...], like: tuple[int | None, ...]) -> tuple[int, ...] | None:
    """Return `shape` with axes of length one added or dropped to match `like`, else None.

    The order of the values does not change. An axis of unknown length (None) is never added.
    """

    @cache
    def align_from(axis: int, like_axis: int) -> tuple[int, ...] | None:
        if axis == len(shape) and like_axis == len(like):
            return ()
        in_shape, in_like = axis < len(shape), like_axis < len(like)
        if in_shape and in_like and like[like_axis] in (None, shape[axis]):
            rest = align_from(axis + 1, like_axis + 1)
            if rest is not None:
                return shape[axis], *rest
        if in_shape and shape[axis] == 1:  # drop this axis
            rest = align_from(axis + 1, like_axis)
            if rest is not None:
                return rest
        if in_like and like[like_axis] == 1:  # add an axis
            rest = align_from(axis, like_axis + 1)
            if rest is not None:
                return 1, *rest
        return None

    return align_from(0, 0)


def format_shape(shape: Iterable[int | None], unknown: str = "?") -> str:
    """Return a shape as text, with `unknown` for axes of unknown length."""
    dims = [unknown if d is None else str(d) for d in shape]
    return "(" + ", ".join(dims) + ("," if len(dims) == 1 else "") + ")"

"""Small things about arrays that every floor above uses."""

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
"""Names to arrays; wherever it travels between floors, axis 0 is the batch."""


def count(arrays: Arrays) -> int:
    """Return the length of the batch axis; all arrays have the same."""
    return int(next(iter(arrays.values())).shape[0])


def take(arrays: Arrays, rows: Any) -> dict[str, Array]:
    """Return the same names with the chosen rows of the batch axis."""
    return {name: array[rows] for name, array in arrays.items()}


def join(parts: Iterable[Arrays]) -> dict[str, Array]:
    """Return the parts one after the other along the batch axis."""
    rows = list(parts)
    if len(rows) == 1:
        return dict(rows[0])
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def sum_rows(array: Array) -> NDArray[np.float64]:
    """Return the sum of each row over all its other axes, in float64: shape (B,)."""
    return np.asarray(np.sum(array, axis=tuple(range(1, array.ndim)), dtype=np.float64))


def across(row_values: Array, like: Array) -> Array:
    """Return (B,) values with axes of one appended, so that they spread over `like`."""
    return row_values.reshape(row_values.shape + (1,) * (like.ndim - 1))


def digest(arrays: Arrays) -> bytes:
    """Return SHA-256 over names, dtypes, shapes and values."""
    state = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        # The width of a text array is that of its longest text: a neighbour's, not a sample's own.
        dtype = "text" if array.dtype.kind == "U" else array.dtype.str
        state.update(f"{name}\0{dtype}{array.shape}\0".encode())
        state.update(_text_bytes(array) if array.dtype.kind == "U" else array.tobytes())
    return state.digest()


def _text_bytes(array: Array) -> bytes:
    texts = [str(text).encode("utf-8", "surrogatepass") for text in array.flat]
    return b"".join(len(text).to_bytes(8, "big") + text for text in texts)


def open_ended(shape: Iterable[int | None], like: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape whose axes of any length are as long as those of `like`, else one."""
    return tuple(dim or (like[axis] if axis < len(like) else 1) for axis, dim in enumerate(shape))


def aligned(shape: tuple[int, ...], like: tuple[int | None, ...]) -> tuple[int, ...] | None:
    """Return `shape` with axes of one added or left out so that it fits `like`, or None.

    The order of the values stays. An axis of any length (None) is never added.
    """

    @cache
    def rest(own: int, other: int) -> tuple[int, ...] | None:
        if own == len(shape) and other == len(like):
            return ()
        if own < len(shape) and other < len(like) and like[other] in (None, shape[own]):
            tail = rest(own + 1, other + 1)
            if tail is not None:
                return shape[own], *tail
        if own < len(shape) and shape[own] == 1 and (tail := rest(own + 1, other)) is not None:
            return tail
        if other < len(like) and like[other] == 1 and (tail := rest(own, other + 1)) is not None:
            return 1, *tail
        return None

    return rest(0, 0)


def printable_shape(shape: Iterable[int | None], unknown: str = "?") -> str:
    """Return a shape as people write it, `unknown` for an axis that may have any length."""
    dims = [unknown if d is None else str(d) for d in shape]
    return "(" + ", ".join(dims) + ("," if len(dims) == 1 else "") + ")"

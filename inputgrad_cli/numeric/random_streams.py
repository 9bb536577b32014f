"""Random numbers from (key, stream, number) alone, so any draw may be made again by itself."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.numeric.arrays import Array, Floats

BLOCK = 64  # draws that one generator makes: a generator costs more than a draw


def spread(array: Array) -> Array:
    """Return max - min of each sample: (B,)."""
    axes = tuple(range(1, array.ndim))
    return np.asarray(array.max(axis=axes) - array.min(axis=axes))


def normal(key: bytes, stream: str, number: int, shape: tuple[int, ...]) -> Floats:
    """Return standard normal draws, float32."""
    return _generator(key, stream, number).standard_normal(shape, np.float32)


def uniform(key: bytes, stream: str, number: int, shape: tuple[int, ...]) -> Floats:
    """Return draws from [0, 1), float32."""
    return _generator(key, stream, number).random(shape, np.float32)


def numbered(key: bytes, stream: str, numbers: NDArray[np.intp], width: int) -> Floats:
    """Return `width` draws from [0, 1) for each of the numbers: (n, width), float32."""
    out = np.empty((len(numbers), width), np.float32)
    blocks = numbers // BLOCK
    for block in np.unique(blocks):
        here = blocks == block
        out[here] = _block(key, stream, int(block), width)[numbers[here] % BLOCK]
    return out


@lru_cache(maxsize=2)
def _block(key: bytes, stream: str, block: int, width: int) -> Floats:
    return uniform(key, stream, block, (BLOCK, width))


def _generator(key: bytes, stream: str, number: int) -> np.random.Generator:
    seed = hashlib.sha256(key + stream.encode()).digest()[:16]
    counter = np.array([0, 0, 0, number], np.uint64)
    return np.random.Generator(np.random.Philox(key=int.from_bytes(seed, "big"), counter=counter))

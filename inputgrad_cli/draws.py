"""Random numbers from (key, stream, number) alone, so any draw may be made again by itself."""

from __future__ import annotations

import hashlib

import numpy as np

from inputgrad_cli.arrays import Array, Floats


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


def _generator(key: bytes, stream: str, number: int) -> np.random.Generator:
    seed = hashlib.sha256(key + stream.encode()).digest()[:16]
    counter = np.array([0, 0, 0, number], np.uint64)
    return np.random.Generator(np.random.Philox(key=int.from_bytes(seed, "big"), counter=counter))

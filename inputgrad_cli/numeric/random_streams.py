"""Random draws that depend only on (seed, stream, index), so each can be repeated on its own."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.numeric.array_helpers import Array, Floats

BLOCK_DRAWS = 64  # draws of one generator, because creating a generator costs more than a draw


def compute_range(array: Array) -> Array:
    """Return max - min of each sample, (B,)."""
    axes = tuple(range(1, array.ndim))
    return np.asarray(array.max(axis=axes) - array.min(axis=axes))


def draw_normal(seed: bytes, stream: str, index: int, shape: tuple[int, ...]) -> Floats:
    """Return standard normal draws, float32."""
    return _build_generator(seed, stream, index).standard_normal(shape, np.float32)


def draw_uniform(seed: bytes, stream: str, index: int, shape: tuple[int, ...]) -> Floats:
    """Return draws from [0, 1), float32."""
    return _build_generator(seed, stream, index).random(shape, np.float32)


def draw_uniform_rows(seed: bytes, stream: str, indices: NDArray[np.intp], width: int) -> Floats:
    """Return `width` draws from [0, 1) for each of the n indices: (n, width), float32."""
    draws = np.empty((len(indices), width), np.float32)
    blocks = indices // BLOCK_DRAWS
    for block in np.unique(blocks):
        chosen = blocks == block
        draws[chosen] = _draw_block(seed, stream, int(block), width)[indices[chosen] % BLOCK_DRAWS]
    return draws


@lru_cache(maxsize=2)
def _draw_block(seed: bytes, stream: str, block: int, width: int) -> Floats:
    """Return a block of draws; the last two blocks are cached."""
    return draw_uniform(seed, stream, block, (BLOCK_DRAWS, width))


def _build_generator(seed: bytes, stream: str, index: int) -> np.random.Generator:
    """Return a Philox generator: seed and stream select the sequence, the index its start."""
    philox_key = hashlib.sha256(seed + stream.encode()).digest()[:16]
    counter = np.array([0, 0, 0, index], np.uint64)
    return np.random.Generator(
        np.random.Philox(key=int.from_bytes(philox_key, "big"), counter=counter)
    )

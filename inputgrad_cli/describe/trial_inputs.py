"""A drawn sample for a trial of a model, with lengths for the axes that may have any."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import Signature
from inputgrad_cli.errors import ItemError, ModelError
from inputgrad_cli.numeric.arrays import Array

# Tried in turn: 32 fits most; then what texts (16 to 128 places) and pictures (64 to 256) need,
# and at last a second of sound.
LENGTHS = (32, 64, 16, 128, 8, 224, 256, 4, 512, 2, 1, 1024, 16_000)


def try_lengths(
    signature: Signature, run: Callable[[Samples], None], length: int | None = None
) -> tuple[Samples, int | None]:
    """Return the first drawn sample that `run` computes, and the length of its open axes if any.

    ItemError, the first that came, where no length will do; a `length` given is the only one tried.
    """
    shapes = [port.shape or () for port in signature.inputs]
    if not any(size is None for shape in shapes for size in shape):
        samples = drawn(signature, 1)
        run(samples)
        return samples, None
    first: ItemError | None = None
    for size in (length,) if length else LENGTHS:
        samples = drawn(signature, size)
        try:
            run(samples)
        except ItemError as error:
            if error.kind != "compute":
                raise
            first = first or error
        else:
            return samples, size
    assert first is not None
    tried = f"{length}" if length else f"{LENGTHS[0]} and {len(LENGTHS) - 1} other lengths"
    raise ItemError(
        first.what.replace("this input", "a drawn input"),
        reason=f"axes of any length were given {tried}; {first.reason}",
        mend="say a length that fits with --length N, or run saliency on an input of yours",
        kind="compute",
    )


def drawn(signature: Signature, length: int) -> Samples:
    """Return one sample of noise, its axes of any length this long."""
    random = np.random.default_rng(0)
    arrays: dict[str, Array] = {}
    for port in signature.inputs:
        if port.shape is None:
            raise ModelError(
                f"input {port.name!r} has no shape in the file",
                mend="run saliency on a real input instead",
            )
        shape = (1, *(size or length for size in port.shape))
        arrays[port.name] = _noise(random, shape, port.kind)
    return Samples(arrays)


def _noise(random: np.random.Generator, shape: tuple[int, ...], kind: str) -> Array:
    if kind == "text":
        return np.full(shape, "a", object)
    if kind == "float":
        return random.random(shape, np.float32)
    return random.integers(0, 2, shape).astype(np.int64 if kind == "integer" else bool)

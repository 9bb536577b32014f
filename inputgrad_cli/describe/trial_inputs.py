"""Draws a random sample to try a model with, and finds a length for axes of any length."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import Signature
from inputgrad_cli.errors import ItemError, ModelError
from inputgrad_cli.numeric.array_helpers import Array

# Tried in this order: 32 fits most models; then what texts (16 to 128 tokens) and pictures (64 to
# 256 pixels) need, and last one second of sound at 16 kHz.
TRIAL_LENGTHS = (32, 64, 16, 128, 8, 224, 256, 4, 512, 2, 1, 1024, 16_000)


def try_lengths(
    signature: Signature, run: Callable[[Samples], None], length: int | None = None
) -> tuple[Samples, int | None]:
    """Return the first random sample that `run` can compute, and the length of its open axes.

    The length is None if all axes are fixed. If `length` is given, only this one is tried. Raises
    the first ItemError if no length works.
    """
    shapes = [spec.shape or () for spec in signature.inputs]
    if not any(size is None for shape in shapes for size in shape):
        samples = draw_sample(signature, 1)
        run(samples)
        return samples, None
    first_error: ItemError | None = None
    for size in (length,) if length else TRIAL_LENGTHS:
        samples = draw_sample(signature, size)
        try:
            run(samples)
        except ItemError as error:
            # Other errors would come with any length.
            if error.kind != "compute":
                raise
            # The first length is the likeliest, so that its error says most about the model.
            first_error = first_error or error
        else:
            return samples, size
    assert first_error is not None
    tried = (
        f"{length}" if length else f"{TRIAL_LENGTHS[0]} and {len(TRIAL_LENGTHS) - 1} other lengths"
    )
    raise ItemError(
        first_error.message.replace("this input", "a random input"),
        reason=f"axes of any length were given {tried}; {first_error.reason}",
        hint="give a length that fits with --length N, or run saliency on a real input",
        kind="compute",
    )


def draw_sample(signature: Signature, length: int) -> Samples:
    """Return one sample of random noise; axes of any length get `length`."""
    # Always the same noise, so that `inspect` says the same each time.
    random = np.random.default_rng(0)
    arrays: dict[str, Array] = {}
    for spec in signature.inputs:
        if spec.shape is None:
            raise ModelError(
                f"input {spec.name!r} has no shape in the file",
                hint="run saliency on a real input instead",
            )
        shape = (1, *(size or length for size in spec.shape))
        arrays[spec.name] = _draw_noise(random, shape, spec.kind)
    return Samples(arrays)


def _draw_noise(random: np.random.Generator, shape: tuple[int, ...], kind: str) -> Array:
    if kind == "text":
        return np.full(shape, "a", object)
    if kind == "float":
        return random.random(shape, np.float32)
    # Whole numbers may be looked up in a table; 0 and 1 are in almost every one.
    return random.integers(0, 2, shape).astype(np.int64 if kind == "integer" else bool)

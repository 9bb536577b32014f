"""Builds the sample from which a search without an input begins."""

from __future__ import annotations

import numpy as np

from inputgrad_cli.data.samples import Samples, describe_layout
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.reader import ReadOptions

GREY = 128  # the middle of the pixels' range


def build_blank_sample(options: ReadOptions) -> Samples:
    """Return one sample without content: grey pictures, as if read from files, and zeros.

    Raises UsageError if the model leaves the shape of an input open.
    """
    arrays, pixels, preprocess = {}, {}, {}
    for spec in options.specs:
        shape = _get_shape(spec)
        if spec.is_image and spec.kind == "float":
            picture_shape = [side or 1 for side in spec.image_shape or ()]
            preprocess[spec.name] = options.get_preprocess(spec)
            pixels[spec.name] = np.full((1, *picture_shape), GREY, np.uint8)
            arrays[spec.name] = preprocess[spec.name].apply(pixels[spec.name])
        else:
            dtype = "U1" if spec.kind == "text" else spec.dtype
            arrays[spec.name] = np.zeros((1, *shape), dtype)
    return Samples(
        arrays, pixels=pixels, preprocess=preprocess, record=describe_layout(options.specs)
    )


def _get_shape(spec: InputSpec) -> tuple[int, ...]:
    shape = [] if spec.shape is None else [side for side in spec.shape if side is not None]
    if spec.shape is None or len(shape) != len(spec.shape):
        raise UsageError(
            f"input {spec} leaves its size open",
            reason="a search without an input begins at noise of the size that the model declares",
            hint="give an input of the size that you want",
        )
    return tuple(shape)

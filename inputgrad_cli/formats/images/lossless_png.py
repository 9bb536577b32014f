"""Encodes the pixels that a model sees as PNG, and reads them back as any other picture."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.formats.readers.images import read_image_file
from inputgrad_cli.interfaces.reader import InputFile, ReadOptions
from inputgrad_cli.numeric.array_helpers import Array


def encode_pixels(pixels: Array) -> bytes:
    """Return the PNG file of uint8 pixels (H, W, C): grey, RGB, or RGBA for 1, 3 or 4 channels."""
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG")
    return buffer.getvalue()


def read_back(pixels: Array, spec: InputSpec, options: ReadOptions) -> Array:
    """Return uint8 pixels (H, W, C) as they are read from their PNG file for an input."""
    file = InputFile(encode_pixels(np.ascontiguousarray(pixels)), Path("result.png"))
    # The options of the original file, such as a frame of it, are not for its result.
    plain = ReadOptions((spec,), options.preprocess, input_preprocess=options.input_preprocess)
    return np.asarray(read_image_file(file, plain).pixels[spec.name][0])

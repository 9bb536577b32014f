"""Decodes a file's own picture in its own size, to draw a map over it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from inputgrad_cli.data.pictures.picture_style import MAX_PIXELS
from inputgrad_cli.data.pictures.uncropped_original import OriginalPicture
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.images.bit_depth import is_deep, resolve_value_range, to_pixels
from inputgrad_cli.formats.images.channel_conversion import to_channels
from inputgrad_cli.formats.images.frame_decoding import catch_decoder_errors, load_frame, open_image
from inputgrad_cli.numeric.array_helpers import Array


def read_original(original: OriginalPicture) -> Array:
    """Return the picture upright and in colour, uint8 (H, W, 3). Raises ItemError."""
    data, where = original.data, original.where
    with catch_decoder_errors(data, where):
        image = open_image(data, where)
        if image.width * image.height > MAX_PIXELS:
            raise ItemError(
                f"{where}: a picture of {image.width}x{image.height} pixels is too large to draw",
                hint="use --on model",
                kind="shape",
            )
        return _to_colours(load_frame(image, original.frame, len(data), where), original)


def _to_colours(image: Image.Image, original: OriginalPicture) -> Array:
    notes: dict[str, str] = {}  # the same as when the model's input was read
    if is_deep(image):
        limits = resolve_value_range(image, original.options.value_range, original.where)
        image = to_pixels(image, limits, notes, original.where)
    converted = to_channels(image, 3, notes)
    if converted.mode != "F":
        return np.asarray(converted, np.uint8)
    levels = np.rint(np.clip(np.asarray(converted, np.float32), 0, 255)).astype(np.uint8)
    return np.repeat(levels[..., np.newaxis], 3, axis=-1)

"""Puts several pictures on one sheet, each below its name."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence

import numpy as np

from inputgrad_cli.rendering.canvas import Canvas
from inputgrad_cli.rendering.colour_maps import Pixels
from inputgrad_cli.rendering.fast_png_encoding import encode_png
from inputgrad_cli.rendering.images.image_picture_base import TEXT_KEY
from inputgrad_cli.rendering.text_measuring import fit_text

GAP = 8  # pixels between pictures
LABEL_HEIGHT, LABEL_SIZE = 20, 13
MAX_WIDTH = 960  # pixels of a sheet; a wider picture has a row of its own


def build_sheet(pngs: Sequence[bytes], names: Sequence[str]) -> bytes:
    """Return the PNG file of a sheet of pictures, row by row, as wide as the widest of them."""
    tiles = [decode_png(png) for png in pngs]
    height = max(tile.shape[0] for tile in tiles) + LABEL_HEIGHT + GAP
    width = max(tile.shape[1] for tile in tiles) + GAP
    columns = max(1, min(math.ceil(math.sqrt(len(tiles))), MAX_WIDTH // width))
    canvas = Canvas(columns * width + GAP, math.ceil(len(tiles) / columns) * height + GAP)
    for index, (tile, name) in enumerate(zip(tiles, names, strict=True)):
        left, top = GAP + index % columns * width, GAP + index // columns * height
        canvas.write((left, top), fit_text(name, width - GAP, LABEL_SIZE), LABEL_SIZE)
        canvas.draw_pixels((left, top + LABEL_HEIGHT), tile)
    text = {"kind": "sheet", "names": list(names)}
    return encode_png(canvas.to_pixels(), TEXT_KEY, json.dumps(text))


def decode_png(png: bytes) -> Pixels:
    """Return the pixels of a PNG file, (H, W, 3)."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGB"))

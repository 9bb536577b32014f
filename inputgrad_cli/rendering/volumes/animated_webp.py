"""Draws the map of a video as an animated WebP, on one scale."""

from __future__ import annotations

import io

import numpy as np

from inputgrad_cli.data.pictures.picture_style import DIVERGING
from inputgrad_cli.rendering.canvas import QUIET_INK, TICK_SIZE, Canvas
from inputgrad_cli.rendering.colour_bar import ColourBar
from inputgrad_cli.rendering.colour_maps import Pixels
from inputgrad_cli.rendering.text_measuring import fit_text
from inputgrad_cli.rendering.volumes.slice_tiles import paint_map
from inputgrad_cli.rendering.volumes.volume_video_base import Stack

FILM = ".webp"  # ending of the file
MAX_FRAMES, LONGEST_SIDE = 60, 320  # more frames are thinned out evenly
MIN_WIDTH = 240  # leaves space for the words
FRAME_MILLISECONDS = 100
HEAD = FOOT = 20  # of the title and of the index of the frame, in pixels
EDGE = 4  # between the edge and a word
QUALITY, EFFORT = 75, 1  # of WebP; an effort of 2 takes a fifth longer for 4 % fewer bytes


def draw_film(stack: Stack, bar: ColourBar, alpha: float) -> bytes:
    """Return the WebP file; each frame says its index among those of the input."""
    from PIL import Image

    count = len(stack.values)
    indices = np.linspace(0, count - 1, min(count, MAX_FRAMES)).round().astype(int)
    images = [Image.fromarray(_draw_frame(stack, int(i), bar, alpha)) for i in indices]
    out = io.BytesIO()
    images[0].save(
        out,
        "WEBP",
        save_all=True,
        append_images=images[1:],
        duration=FRAME_MILLISECONDS,
        loop=0,
        quality=QUALITY,
        method=EFFORT,
    )
    return out.getvalue()


def _draw_frame(stack: Stack, index: int, bar: ColourBar, alpha: float) -> Pixels:
    """Return a frame (H, W, 3) below the class, and above its index and what the colours mean."""
    tile = stack.build_slice(index, "", (LONGEST_SIDE, LONGEST_SIDE))
    height, width = tile.heat.shape
    canvas = Canvas(max(width, MIN_WIDTH), HEAD + height + FOOT)
    room = canvas.width - 2 * EDGE
    canvas.write((EDGE, 3), fit_text(stack.answer, room, TICK_SIZE), TICK_SIZE)
    canvas.draw_pixels((0, HEAD), paint_map(tile.heat, tile.grey, bar, alpha))
    is_plain = bar.scale.signed and bar.cmap == DIVERGING
    words = f"frame {index} of 0 to {len(stack.values) - 1}"
    if is_plain:
        words += f"; red {bar.sides[1]}, blue {bar.sides[0]}"
    point = (EDGE, HEAD + height + 3)
    canvas.write(point, fit_text(words, room, TICK_SIZE), TICK_SIZE, colour=QUIET_INK)
    return canvas.to_pixels()

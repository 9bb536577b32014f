"""Encodes frames as an animated GIF, to look at only: its colours are those of a palette."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from inputgrad_cli.numeric.array_helpers import Array

FRAME_MILLISECONDS, LAST_MILLISECONDS = 100, 1500
MIN_SIDE = 224  # of an enlarged frame
MAX_FRAMES = 42  # more are thinned out, evenly


def encode_animation(frames: Sequence[Array]) -> bytes:
    """Return the GIF file of uint8 frames (H, W, 1, 3 or 4), enlarged by a whole factor."""
    if len(frames) > MAX_FRAMES:
        chosen = np.linspace(0, len(frames) - 1, MAX_FRAMES).round().astype(int)
        frames = [frames[index] for index in chosen]
    images = [_to_image(frame) for frame in frames]
    durations = [FRAME_MILLISECONDS] * (len(images) - 1) + [LAST_MILLISECONDS]
    out = io.BytesIO()
    images[0].save(out, "GIF", save_all=True, append_images=images[1:], duration=durations, loop=0)
    return out.getvalue()


def _to_image(frame: Array) -> Image.Image:
    colours = np.repeat(frame, 3, axis=2) if frame.shape[2] == 1 else frame[..., :3]
    factor = max(1, -(-MIN_SIDE // min(colours.shape[:2])))
    enlarged = colours.repeat(factor, axis=0).repeat(factor, axis=1)
    return Image.fromarray(np.ascontiguousarray(enlarged)).quantize(256)

"""Holds the file's own picture of a sample, and says where on it lies what the model saw."""

from __future__ import annotations

from dataclasses import dataclass

from inputgrad_cli.data.image_options import ImageOptions

Size = tuple[int, int]  # height, width
Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class OriginalPicture:
    """A frame of a picture file that is not decoded yet, and the `size` in which the model saw it.

    `where` is the path of the file for messages.
    """

    data: bytes
    frame: int
    options: ImageOptions
    size: Size
    where: str


def find_model_view(mode: str, original: Size, seen: Size) -> Box:
    """Return the part of a picture that the model saw, in pixels of the picture.

    `mode` is that of `--resize`. What was cut off lies outside of the part; where the picture was
    padded, the part is larger than the picture.
    """
    height, width = original
    seen_height, seen_width = seen
    if mode == "crop":
        return _find_crop(original, seen_width / seen_height)
    if mode != "pad":
        return (0.0, 0.0, float(width), float(height))
    inner_height, inner_width = _find_padded_size(original, seen)
    # Pillow centres the picture, and rounds the border to whole pixels.
    top, left = round((seen_height - inner_height) * 0.5), round((seen_width - inner_width) * 0.5)
    across, down = width / inner_width, height / inner_height
    return (
        -left * across,
        -top * down,
        (seen_width - left) * across,
        (seen_height - top) * down,
    )


def _find_crop(original: Size, ratio: float) -> Box:
    """Return the largest centred part whose width is `ratio` times its height."""
    height, width = original
    crop_width = min(float(width), ratio * height)
    crop_height = min(float(height), width / ratio)
    left, top = (width - crop_width) / 2, (height - crop_height) / 2
    return (left, top, left + crop_width, top + crop_height)


def _find_padded_size(original: Size, seen: Size) -> Size:
    """Return the size of the picture between the borders, as Pillow's `contain` rounds it."""
    height, width = original
    seen_height, seen_width = seen
    if width / height > seen_width / seen_height:
        return max(1, round(height / width * seen_width)), seen_width
    return seen_height, max(1, round(width / height * seen_height))

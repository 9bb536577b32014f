"""Picture files to pixels 0..255, (H, W, C), as the model will see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from inputgrad_cli.data.signature import Port
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.images.bit_depth import (
    extent,
    is_deep,
    refuse_swapped,
    span_of,
    tell_narrow,
    to_pixels,
    was_deep,
)
from inputgrad_cli.formats.images.colour import to_channels
from inputgrad_cli.formats.images.frames import choose_frames, decoding, load_frame, open_picture
from inputgrad_cli.formats.images.options import Resize, Span, Viewing
from inputgrad_cli.numeric.arrays import Array

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
DEEP_COLOUR = "16-bit-colour"  # the code of a note
DARK = 64  # of 256, which colours of 14 bits in 16 do not reach
Size = tuple[int | None, int | None, int]
MOST_NUMBERS = 1 << 27  # of all frames of a file together


@dataclass(frozen=True)
class Pictures:
    """The frames of one file, (N, H, W, C): uint8, or float32 where the file has finer steps.

    `many` says that all frames were asked for; `notes` what was done, by code; `record` how.
    """

    pixels: Array
    many: bool
    notes: Mapping[str, str]
    record: Mapping[str, Any]

    @property
    def seen(self) -> Array:
        """Return the pixels as uint8, to draw on."""
        return self.pixels if self.pixels.dtype == np.uint8 else np.rint(self.pixels).astype("u1")


def read_pictures(data: bytes, port: Port, viewing: Viewing, where: str) -> Pictures:
    """Return the frames asked for, brought to the size and the channels of `port`.

    Raises ItemError (kinds `unreadable`, `channels`, `frames`, `range`, `mode`, `shape`).
    """
    size = _wanted(port, where)
    layers = Layers(data, viewing, where)
    with decoding(data, where):
        image = open_picture(data, where)
        numbers = choose_frames(image, viewing.frame, where)
        refuse_many(len(numbers), size, image, where)
        frames = [
            layers.add(load_frame(image, number, len(data), where), size) for number in numbers
        ]
        notes = layers.told()
        return Pictures(_stacked(frames, where), viewing.frame == "all", notes, layers.record)


class Layers:
    """The frames or bands of one file, brought to one size; what was done to them is noted."""

    def __init__(self, data: bytes, viewing: Viewing, where: str) -> None:
        self.data, self.where, self._viewing = data, where, viewing
        self._notes: dict[str, str] = {}
        self._extents: list[Span] = []
        self._top = 0.0
        self.record: dict[str, Any] = {"resize": viewing.resize.record()}
        if viewing.frame is not None:
            self.record["frame"] = viewing.frame

    def add(self, image: Image.Image, size: Size) -> Array:
        """Return one as (H, W, C) of `size`; ItemError."""
        if not self._extents and not self._top:
            _tell_depth(image, self.data, self._viewing, self._notes, self.where)
        if is_deep(image):
            refuse_swapped(image, self.data, self.where)
            span = span_of(image, self._viewing.span, self.where)
            self.record["input_range"] = list(span)
            self._extents.append(extent(image))
            image = to_pixels(image, span, self._notes, self.where)
        made = to_channels(image, size[2], self._notes)
        pixels = _resized(made, size, self._viewing, self.where)
        self._top = max(self._top, float(pixels.max(initial=0)))
        return pixels

    def told(self) -> dict[str, str]:
        """Return the notes, those on the range of all of them included."""
        if self._viewing.span is not None:
            if not self._extents:
                words = "a picture of 8 bits; --input-range is not for it"
                self._notes["input-range-unused"] = words
        elif self._extents:
            tell_narrow(self._extents, self.record["input_range"], self._notes)
        elif DEEP_COLOUR in self._notes and self._top < DARK:
            self._notes["narrow-range"] = (
                f"the largest of 0 to 255 is {self._top:g}: the file may hold 10 to 14 bits in "
                "16, and is nearly black to the model; give it as an array (.npy)"
            )
        return self._notes


def _wanted(port: Port, where: str) -> Size:
    shape = port.picture
    if shape is None or shape[2] is None:
        raise ItemError(
            f"{where}: a picture does not fit input {port}",
            reason="pictures feed inputs of shape (height, width) or (height, width, 1, 3 or 4), "
            "or channels first",
            kind="channels",
        )
    return shape[0], shape[1], shape[2]


def refuse_many(frames: int, size: Size, image: Image.Image, where: str) -> None:
    """Raise ItemError where all frames together are more than is ever held at once."""
    height, width = size[0] or image.height, size[1] or image.width
    if frames > 1 and frames * height * width * size[2] > MOST_NUMBERS:
        raise ItemError(
            f"{where}: {frames} frames of {width}x{height} are too many at once",
            mend="take them one by one with --frame N",
            kind="frames",
        )


def _tell_depth(
    image: Image.Image, data: bytes, viewing: Viewing, notes: dict[str, str], where: str
) -> None:
    if not was_deep(image, data):
        return
    if viewing.span is not None:
        raise ItemError(
            f"{where}: a colour picture of 16 bits, which is read with 8",
            reason="--input-range cannot be applied to it",
            mend="give it as an array (.npy)",
            kind="mode",
        )
    notes[DEEP_COLOUR] = "a colour picture of 16 bits was read with 8"


def _resized(image: Image.Image, size: Size, viewing: Viewing, where: str) -> Array:
    """Return (H, W, C) uint8, or float32 in 0..255 where the picture is one of floats."""
    height, width, channels = size
    made = _resize(image, height, width, viewing.resize, where)
    if made.mode != "F":
        return np.reshape(np.asarray(made, np.uint8), (made.height, made.width, channels))
    # Bicubic and Lanczos swing beyond black and white; 8-bit pictures are cut there as well.
    grey = np.clip(np.asarray(made, np.float32), 0, 255)[..., np.newaxis]
    full = np.full_like(grey, 255)
    return np.concatenate([grey] if channels == 1 else [grey] * 3 + [full] * (channels - 3), axis=2)


def _resize(
    image: Image.Image, height: int | None, width: int | None, resize: Resize, where: str
) -> Image.Image:
    size = (width or image.width, height or image.height)
    if image.size == size:
        return image
    if resize.how == "none":
        raise ItemError(
            f"{where}: {image.width}x{image.height} pixels, the model takes {size[0]}x{size[1]}",
            mend="use --resize stretch, crop or pad",
            kind="shape",
        )
    resample = Image.Resampling[resize.interp.upper()]
    if resize.how == "crop":
        return ImageOps.fit(image, size, resample)
    if resize.how == "pad":
        return ImageOps.pad(image, size, resample)
    return image.resize(size, resample)


def _stacked(frames: list[Array], where: str) -> Array:
    if len({frame.shape for frame in frames}) > 1:
        raise ItemError(
            f"{where}: its frames have unequal sizes",
            reason="the model leaves the size open",
            mend="take them one by one with --frame N",
            kind="frames",
        )
    return np.stack(frames) if len(frames) > 1 else frames[0][np.newaxis]

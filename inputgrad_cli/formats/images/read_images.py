"""Reads picture files as pixels in 0..255, (H, W, C), in the size and channels of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from inputgrad_cli.data.image_options import ImageOptions, Resize, ValueRange
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.images.bit_depth import (
    has_lost_bits,
    is_deep,
    measure_value_range,
    note_narrow_range,
    refuse_swapped,
    resolve_value_range,
    to_pixels,
)
from inputgrad_cli.formats.images.channel_conversion import to_channels
from inputgrad_cli.formats.images.frame_decoding import (
    catch_decoder_errors,
    choose_frames,
    load_frame,
    open_image,
)
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.schema.json_type_alias import JsonObject
from inputgrad_cli.schema.record_limits import MAX_VALUES

DEEP_COLOUR_NOTE = "16-bit-colour"  # code of the note on 16-bit colours that Pillow reduced to 8
DARK_LEVEL = 64  # of 256; colours of 14 bits, stored in 16, stay below it
Size = tuple[int | None, int | None, int]


@dataclass(frozen=True)
class ImageFrames:
    """The frames of one file, (N, H, W, C): uint8, or float32 for values of more than 8 bits.

    `many` is true if all frames were requested. `notes` describes the conversions by code, and
    `record` holds the options that were used, and `indices` the frames.
    """

    pixels: Array
    many: bool
    notes: Mapping[str, str]
    record: Mapping[str, Any]
    indices: Sequence[int] = (0,)

    @property
    def display_pixels(self) -> Array:
        """Return the pixels as uint8, to draw heatmaps over them."""
        return self.pixels if self.pixels.dtype == np.uint8 else np.rint(self.pixels).astype("u1")


def read_image_frames(
    data: bytes, spec: InputSpec, options: ImageOptions, where: str
) -> ImageFrames:
    """Return the requested frames in the size and the channels of the input.

    Raises ItemError (kinds `unreadable`, `channels`, `frames`, `range`, `mode`, `shape`).
    """
    size = _get_target_size(spec, where)
    converter = FrameConverter(data, options, where)
    with catch_decoder_errors(data, where):
        image = open_image(data, where)
        indices = choose_frames(image, options.frame, where)
        refuse_large_stack(len(indices), size, image, where)
        frames = [
            converter.convert(load_frame(image, index, len(data), where), size) for index in indices
        ]
        notes = converter.collect_notes()
        return ImageFrames(
            _stack_frames(frames, where),
            options.frame == "all",
            notes,
            converter.record,
            indices,
        )


class FrameConverter:
    """Converts the frames or bands of one file to one size, and collects notes and the record."""

    def __init__(self, data: bytes, options: ImageOptions, where: str) -> None:
        self.data, self.where, self._options = data, where, options
        self._notes: dict[str, str] = {}
        self._ranges: list[ValueRange] = []
        self._max_pixel = 0.0
        self.record: JsonObject = {"resize": options.resize.record()}
        if options.frame is not None:
            self.record["frame"] = options.frame

    def convert(self, image: Image.Image, size: Size) -> Array:
        """Return one frame or band as (H, W, C) in `size`. Raises ItemError."""
        if not self._ranges and not self._max_pixel:
            _note_lost_bits(image, self.data, self._options, self._notes, self.where)
        if is_deep(image):
            refuse_swapped(image, self.data, self.where)
            limits = resolve_value_range(image, self._options.value_range, self.where)
            self.record["input_range"] = list(limits)
            self._ranges.append(measure_value_range(image))
            image = to_pixels(image, limits, self._notes, self.where)
        converted = to_channels(image, size[2], self._notes)
        pixels = _to_resized_array(converted, size, self._options, self.where)
        self._max_pixel = max(self._max_pixel, float(pixels.max(initial=0)))
        return pixels

    def collect_notes(self) -> dict[str, str]:
        """Return the notes, with those on the value range of all frames together."""
        if self._options.value_range is not None:
            if not self._ranges:
                message = "a picture of 8 bits; --input-range is not for it"
                self._notes["input-range-unused"] = message
        elif self._ranges:
            note_narrow_range(self._ranges, self.record["input_range"], self._notes)
        elif DEEP_COLOUR_NOTE in self._notes and self._max_pixel < DARK_LEVEL:
            self._notes["narrow-range"] = (
                f"the largest of 0 to 255 is {self._max_pixel:g}: the file may hold 10 to 14 bits "
                "in 16, and is nearly black to the model; give it as an array (.npy)"
            )
        return self._notes


def _get_target_size(spec: InputSpec, where: str) -> Size:
    shape = spec.image_shape
    if shape is None or shape[2] is None:
        raise ItemError(
            f"{where}: a picture does not fit input {spec}",
            reason="pictures feed inputs of shape (height, width) or (height, width, 1, 3 or 4), "
            "or channels first",
            kind="channels",
        )
    return shape[0], shape[1], shape[2]


def refuse_large_stack(frames: int, size: Size, image: Image.Image, where: str) -> None:
    """Raise ItemError if all frames together have more than `MAX_VALUES` values."""
    height, width = size[0] or image.height, size[1] or image.width
    if frames > 1 and frames * height * width * size[2] > MAX_VALUES:
        raise ItemError(
            f"{where}: {frames} frames of {width}x{height} are too many at once",
            hint="take them one by one with --frame N",
            kind="frames",
        )


def _note_lost_bits(
    image: Image.Image, data: bytes, options: ImageOptions, notes: dict[str, str], where: str
) -> None:
    if not has_lost_bits(image, data):
        return
    if options.value_range is not None:
        raise ItemError(
            f"{where}: a colour picture of 16 bits, which is read with 8",
            reason="--input-range cannot be applied to it",
            hint="give it as an array (.npy)",
            kind="mode",
        )
    notes[DEEP_COLOUR_NOTE] = "a colour picture of 16 bits was read with 8"


def _to_resized_array(image: Image.Image, size: Size, options: ImageOptions, where: str) -> Array:
    """Return (H, W, C) as uint8, or as float32 in 0..255 for a picture of floats."""
    height, width, channels = size
    resized = _resize_image(image, height, width, options.resize, where)
    if resized.mode != "F":
        return np.reshape(np.asarray(resized, np.uint8), (resized.height, resized.width, channels))
    # Bicubic and Lanczos overshoot black and white. Pillow clips 8-bit pictures in the same way.
    grey = np.clip(np.asarray(resized, np.float32), 0, 255)[..., np.newaxis]
    full = np.full_like(grey, 255)
    return np.concatenate([grey] if channels == 1 else [grey] * 3 + [full] * (channels - 3), axis=2)


def _resize_image(
    image: Image.Image, height: int | None, width: int | None, resize: Resize, where: str
) -> Image.Image:
    size = (width or image.width, height or image.height)
    if image.size == size:
        return image
    if resize.mode == "none":
        raise ItemError(
            f"{where}: {image.width}x{image.height} pixels, the model takes {size[0]}x{size[1]}",
            hint="use --resize stretch, crop or pad",
            kind="shape",
        )
    resample = Image.Resampling[resize.interp.upper()]
    if resize.mode == "crop":
        return ImageOps.fit(image, size, resample)
    if resize.mode == "pad":
        return ImageOps.pad(image, size, resample)
    return image.resize(size, resample)


def _stack_frames(frames: list[Array], where: str) -> Array:
    if len({frame.shape for frame in frames}) > 1:
        raise ItemError(
            f"{where}: its frames have unequal sizes",
            reason="the model leaves the size open",
            hint="take them one by one with --frame N",
            kind="frames",
        )
    return np.stack(frames) if len(frames) > 1 else frames[0][np.newaxis]

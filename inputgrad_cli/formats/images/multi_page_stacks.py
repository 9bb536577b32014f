"""Reads all pages, frames or bands of a file as one sample, such as a volume or a video."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from inputgrad_cli.data.image_options import ImageOptions
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.images.frame_decoding import catch_decoder_errors, load_frame, open_image
from inputgrad_cli.formats.images.read_images import FrameConverter, refuse_large_stack
from inputgrad_cli.formats.images.tiff_bands import count_bands, has_alpha, read_bands
from inputgrad_cli.numeric.array_helpers import Array

ANIMATED = ("GIF", "WEBP")  # formats whose frames follow each other in time; pages need not


@dataclass(frozen=True)
class ImageStack:
    """One sample of a file in 0..255.

    It is (1, D, H, W, C) with a frame axis, else (1, H, W, C).
    """

    pixels: Array
    has_frame_axis: bool
    notes: Mapping[str, str]
    record: Mapping[str, Any]


def is_stack_input(spec: InputSpec) -> bool:
    """Return whether a file of several pages is one sample of the input."""
    return spec.image_shape is None and spec.volume_shape is not None


def has_bands(data: bytes, spec: InputSpec) -> bool:
    """Return whether a TIFF file has the four bands of a picture input, and no alpha among them.

    Pillow would read them as a colour picture and drop the fourth band.
    """
    channels = spec.image_shape[2] if spec.image_shape else None
    if channels != 4 or spec.channels_first or count_bands(data) != 4:
        return False
    return not has_alpha(data)


def read_image_stack(data: bytes, spec: InputSpec, options: ImageOptions, where: str) -> ImageStack:
    """Return all pages, frames or bands of a file as one sample of the input.

    For an input (A, B, C), the bands of a page become the last axis. Pages become the first axis
    if their count is A, else the last. Raises ItemError (kinds as in `read_image_frames`).
    """
    if options.frame is not None:
        raise ItemError(
            f"{where}: --frame chooses one picture; input {spec} takes all frames of a file",
            hint="leave --frame out",
            kind="frames",
        )
    shape = spec.shape or ()
    with catch_decoder_errors(data, where):
        bands = count_bands(data)
        # Pillow would read several bands as a colour picture, or refuse them.
        if len(shape) == 3 and bands > 1 and bands == shape[2]:
            images = read_bands(data, where)
            return _read_band_stack(images, spec, FrameConverter(data, options, where))
        image = open_image(data, where)
        return _read_page_stack(image, spec, FrameConverter(data, options, where))


def _read_band_stack(
    images: list[Image.Image], spec: InputSpec, converter: FrameConverter
) -> ImageStack:
    height, width, _ = spec.shape or (None, None, None)
    bands = [converter.convert(image, (height, width, 1)) for image in images]
    pixels = np.concatenate(bands, axis=-1)[np.newaxis]
    return ImageStack(pixels, False, converter.collect_notes(), converter.record)


def _read_page_stack(image: Image.Image, spec: InputSpec, converter: FrameConverter) -> ImageStack:
    shape, total = spec.shape or (), int(getattr(image, "n_frames", 1))
    is_last_axis = len(shape) == 3 and shape[0] not in (None, total) and shape[2] == total
    if not is_last_axis and shape[0] not in (None, total):
        content = "a picture" if total == 1 else f"a file of {total} pages or frames"
        raise ItemError(
            f"{converter.where}: {content} does not fit input {spec}",
            reason=f"it takes {shape[0]} pages or frames, each a step of its first axis",
            hint="give a file of as many, or an array (.npy)",
            kind="frames",
        )
    film = spec.volume_shape or ()
    height, width, channels = (shape[0], shape[1], 1) if is_last_axis else film[1:]
    size = (height, width, channels or 1)
    refuse_large_stack(total, size, image, converter.where)
    pages = [
        converter.convert(load_frame(image, index, len(converter.data), converter.where), size)
        for index in range(total)
    ]
    if len({page.shape for page in pages}) > 1:
        raise ItemError(f"{converter.where}: its frames have unequal sizes", kind="frames")
    if is_last_axis:
        return ImageStack(
            np.concatenate(pages, axis=-1)[np.newaxis],
            False,
            converter.collect_notes(),
            converter.record,
        )
    record = dict(converter.record)
    if image.format in ANIMATED:
        record["animated"] = [spec.name]
    return ImageStack(np.stack(pages)[np.newaxis], True, converter.collect_notes(), record)

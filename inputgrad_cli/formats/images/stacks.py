"""Files of several pages, frames or bands to one sample: a volume, a video, many channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from inputgrad_cli.data.signature import Port
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.images.frames import decoding, load_frame, open_picture
from inputgrad_cli.formats.images.options import Viewing
from inputgrad_cli.formats.images.read_images import Layers, refuse_many
from inputgrad_cli.formats.images.tiff_bands import count_bands, has_alpha, read_bands
from inputgrad_cli.numeric.arrays import Array

SUFFIXES = (".tif", ".tiff", ".gif", ".webp")  # that hold several pages or frames


@dataclass(frozen=True)
class Stack:
    """One sample of a file, 0..255: (1, D, H, W, C) where it is of `frames`, else (1, H, W, C)."""

    pixels: Array
    frames: bool
    notes: Mapping[str, str]
    record: Mapping[str, Any]


def takes_stacks(port: Port) -> bool:
    """Return whether files of several pages feed the input, each a sample."""
    return port.picture is None and port.film is not None


def holds_bands(data: bytes, port: Port) -> bool:
    """Return whether a file has just the bands of a picture input, and they are no RGB and alpha.

    Pillow would make a colour picture of them, and drop what lies beyond red, green and blue.
    """
    channels = port.picture[2] if port.picture else None
    if channels != 4 or port.channels_first or count_bands(data) != 4:
        return False
    return not has_alpha(data)


def read_stack(data: bytes, port: Port, viewing: Viewing, where: str) -> Stack:
    """Return all pages, frames or bands of a file as one sample of `port`.

    Of an input (A, B, C) the bands of a page are the last axis; pages are the first where there
    are as many, else the last. Raises ItemError (kinds as of pictures).
    """
    if viewing.frame is not None:
        raise ItemError(
            f"{where}: --frame chooses one picture; input {port} takes all frames of a file",
            mend="leave --frame out",
            kind="frames",
        )
    shape = port.shape or ()
    with decoding(data, where):
        bands = count_bands(data)
        if len(shape) == 3 and bands > 1 and bands == shape[2]:
            images = read_bands(data, where)
            return _bands(images, port, Layers(data, viewing, where))
        image = open_picture(data, where)
        return _pages(image, port, Layers(data, viewing, where))


def _bands(images: list[Image.Image], port: Port, layers: Layers) -> Stack:
    height, width, _ = port.shape or (None, None, None)
    made = [layers.add(image, (height, width, 1)) for image in images]
    pixels = np.concatenate(made, axis=-1)[np.newaxis]
    return Stack(pixels, False, layers.told(), layers.record)


def _pages(image: Image.Image, port: Port, layers: Layers) -> Stack:
    shape, total = port.shape or (), int(getattr(image, "n_frames", 1))
    last = len(shape) == 3 and shape[0] not in (None, total) and shape[2] == total
    if not last and shape[0] not in (None, total):
        what = "a picture" if total == 1 else f"a file of {total} pages or frames"
        raise ItemError(
            f"{layers.where}: {what} does not fit input {port}",
            reason=f"it takes {shape[0]} pages or frames, each a step of its first axis",
            mend="give a file of as many, or an array (.npy)",
            kind="frames",
        )
    film = port.film or ()
    height, width, channels = (shape[0], shape[1], 1) if last else film[1:]
    size = (height, width, channels or 1)
    refuse_many(total, size, image, layers.where)
    made = [
        layers.add(load_frame(image, number, len(layers.data), layers.where), size)
        for number in range(total)
    ]
    if len({frame.shape for frame in made}) > 1:
        raise ItemError(f"{layers.where}: its frames have unequal sizes", kind="frames")
    if last:
        return Stack(np.concatenate(made, axis=-1)[np.newaxis], False, layers.told(), layers.record)
    return Stack(np.stack(made)[np.newaxis], True, layers.told(), layers.record)

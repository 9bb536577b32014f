"""Picture files to pixels 0..255, (H, W, C), as the model will see them."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from inputgrad_cli.arrays import Array
from inputgrad_cli.errors import ItemError
from inputgrad_cli.signature import Port

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
# Pillow knows forty formats more; some run other programs, all are code that reads foreign bytes.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
MOST_PIXELS = 89_000_000


@dataclass(frozen=True)
class Resize:
    """How a picture is brought to the model's size."""

    how: str = "stretch"
    interp: str = "bilinear"

    def record(self) -> dict[str, str]:
        """Return the fields for records."""
        return asdict(self)


def read_picture(
    data: bytes, port: Port, resize: Resize, where: str
) -> tuple[Array, Mapping[str, str]]:
    """Return uint8 pixels (H, W, C) that fit `port`, and notes on what was done, by code.

    Raises ItemError (kinds `unreadable`, `mode`, `channels`, `shape`).
    """
    height, width, channels = _wanted(port, where)
    image = _decode(data, where)
    turned = ImageOps.exif_transpose(image)
    notes: dict[str, str] = {}
    flat = _colours(turned, channels, notes, where)
    sized = _resize(flat, height, width, resize, where)
    pixels = np.asarray(sized, np.uint8)
    return np.reshape(pixels, (sized.height, sized.width, channels)), notes


def _wanted(port: Port, where: str) -> tuple[int | None, int | None, int]:
    shape = port.shape
    if shape is None or len(shape) != 3 or shape[2] not in (1, 3, 4):
        raise ItemError(
            f"{where}: a picture does not fit input {port}",
            reason="pictures feed inputs of shape (height, width, 1, 3 or 4)",
            kind="channels",
        )
    return shape[0], shape[1], shape[2]


def _decode(data: bytes, where: str) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            if image.width * image.height > MOST_PIXELS:
                raise ItemError(f"{where}: more than {MOST_PIXELS:,} pixels", kind="unreadable")
            frames = getattr(image, "n_frames", 1)
            if frames > 1:
                raise ItemError(
                    f"{where}: holds {frames} frames", reason="one picture is wanted", kind="frames"
                )
            image.load()
    except UnidentifiedImageError:
        reason = "the file is empty" if not data else "no known picture format"
        raise ItemError(f"{where}: not a picture", reason=reason, kind="unreadable") from None
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        MemoryError,
        Image.DecompressionBombError,
    ) as e:
        raise ItemError(f"{where}: a damaged picture", reason=str(e), kind="unreadable") from None
    return image


def _colours(image: Image.Image, channels: int, notes: dict[str, str], where: str) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        raise ItemError(
            f"{where}: pixels of 16 bits or more (mode {image.mode})",
            reason="their range is not known",
            kind="mode",
        )
    if channels == 4:
        return image.convert("RGBA")
    if image.has_transparency_data:
        image = _on_white(image, notes)
    if image.mode == "CMYK":
        notes["cmyk"] = "CMYK colours were converted without a colour profile"
    grey = image.mode in ("L", "1")
    if channels == 3 and grey:
        notes["grey-to-colour"] = "a grey picture was repeated in three channels"
    if channels == 1 and not grey:
        notes["colour-to-grey"] = "a colour picture was made grey"
    return image.convert("RGB" if channels == 3 else "L")


def _on_white(image: Image.Image, notes: dict[str, str]) -> Image.Image:
    layers = image.convert("RGBA")
    white = Image.new("RGBA", layers.size, "white")
    if layers.getchannel("A").getextrema() != (255, 255):
        notes["alpha"] = "a transparent picture was laid on white"
    return Image.alpha_composite(white, layers).convert("RGB")


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

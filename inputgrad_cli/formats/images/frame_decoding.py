"""Opens picture files within size limits and decodes the requested frames."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.images.tiff_bands import count_bands
from inputgrad_cli.formats.warning_suppression import quiet_warnings

# Pillow also logs damage, and a log without a handler goes to stderr.
logging.getLogger("PIL").addHandler(logging.NullHandler())
# Pillow reads forty more formats. Some run other programs, and all parse untrusted bytes.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
MAX_PIXELS = 89_000_000  # of one frame
UPRIGHT_ORIENTATION = 1  # of the eight values of the Exif orientation
# A real picture of many pixels has many bytes. A blank page of 25 million pixels has 3 thousand
# bytes, so fewer pixels than that are always accepted.
MAX_PIXELS_PER_BYTE, FREE_PIXELS = 2_000, 25_000_000


@contextmanager
def catch_decoder_errors(data: bytes, where: str) -> Iterator[None]:
    """Convert the errors that Pillow raises inside the block to ItemError (kind `unreadable`)."""
    try:
        with quiet_warnings():
            yield
    except ItemError:
        raise
    except UnidentifiedImageError:
        reason = "the file is empty" if not data else "no known picture format"
        if bands := count_bands(data):
            reason = f"a TIFF of {bands} bands in a form that no picture has"
        raise ItemError(f"{where}: not a picture", reason=reason, kind="unreadable") from None
    except Exception as error:  # decoders raise many types for damaged bytes
        raise ItemError(
            f"{where}: a damaged picture", reason=str(error), kind="unreadable"
        ) from None


def open_image(data: bytes, where: str) -> Image.Image:
    """Return the picture, not yet decoded. Raises ItemError if it has too many pixels."""
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    _refuse_large(image, len(data), where)
    return image


def choose_frames(image: Image.Image, requested: int | str | None, where: str) -> range:
    """Return the indices of the requested frames: one, or `all`.

    Raises ItemError (kind `frames`).
    """
    # A phone's JPEG may hold a second picture (of depth or of light). Only the first is read.
    single = requested is None and image.format == "MPO"
    total = 1 if single else int(getattr(image, "n_frames", 1))
    if requested == "all":
        return range(total)
    if requested is None and total > 1:
        raise ItemError(
            f"{where}: holds {total} frames",
            reason="one picture is wanted",
            hint=f"choose one with --frame 0 to --frame {total - 1}, or take --frame all",
            kind="frames",
        )
    index = int(requested or 0)
    if index >= total:
        plural = "frame" if total == 1 else "frames"
        raise ItemError(
            f"{where}: has no frame {index}",
            reason=f"it holds {total} {plural}, counted from 0",
            hint=f"--frame 0 to --frame {total - 1} are there" if total > 1 else "use --frame 0",
            kind="frames",
        )
    return range(index, index + 1)


def load_frame(image: Image.Image, index: int, size: int, where: str) -> Image.Image:
    """Return one frame of a file of `size` bytes, decoded and turned upright."""
    if index:
        image.seek(index)
        _refuse_large(image, size, where)
    image.load()
    if image.getexif().get(ExifTags.Base.Orientation, UPRIGHT_ORIENTATION) == UPRIGHT_ORIENTATION:
        return image  # without a copy, because most pictures are upright
    return ImageOps.exif_transpose(image)


def _refuse_large(image: Image.Image, size: int, where: str) -> None:
    """Raise ItemError if a frame has too many pixels, or too many for the bytes of its file.

    50 bytes of GIF may decode to gigabytes.
    """
    pixels = image.width * image.height
    if pixels > MAX_PIXELS:
        raise ItemError(f"{where}: more than {MAX_PIXELS:,} pixels", kind="unreadable")
    if pixels > max(FREE_PIXELS, MAX_PIXELS_PER_BYTE * size):
        raise ItemError(
            f"{where}: {size:,} bytes claim to be {pixels:,} pixels",
            reason="a picture of that size has more bytes; this one is blank, damaged or a bomb",
            hint="give it as an array (.npy) if it is what you want",
            kind="unreadable",
        )

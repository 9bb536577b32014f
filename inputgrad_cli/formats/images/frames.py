"""Opens picture files, within limits, and takes out the frames that are asked for."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.images.tiff_bands import count_bands
from inputgrad_cli.formats.quiet_warnings import hushed

# Pillow tells of damage in its log too, and a log that nobody reads goes to stderr.
logging.getLogger("PIL").addHandler(logging.NullHandler())
# Pillow knows forty formats more; some run other programs, all are code that reads foreign bytes.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
MOST_PIXELS = 89_000_000
UPRIGHT = 1  # of the eight ways in which a camera may have been held
# A real picture of many pixels has many bytes; a blank page of 25 million has 3 thousand.
MOST_PIXELS_OF_A_BYTE, FREE_PIXELS = 2_000, 25_000_000


@contextmanager
def decoding(data: bytes, where: str) -> Iterator[None]:
    """Turn what Pillow raises within the block into an ItemError (kind `unreadable`)."""
    try:
        with hushed():
            yield
    except ItemError:
        raise
    except UnidentifiedImageError:
        reason = "the file is empty" if not data else "no known picture format"
        if bands := count_bands(data):
            reason = f"a TIFF of {bands} bands in a form that no picture has"
        raise ItemError(f"{where}: not a picture", reason=reason, kind="unreadable") from None
    except Exception as error:  # decoders raise whatever foreign bytes lead them to
        raise ItemError(
            f"{where}: a damaged picture", reason=str(error), kind="unreadable"
        ) from None


def open_picture(data: bytes, where: str) -> Image.Image:
    """Return the picture, not yet decoded."""
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    _refuse_large(image, len(data), where)
    return image


def choose_frames(image: Image.Image, asked: int | str | None, where: str) -> range:
    """Return the numbers of the frames asked for: one, or `all`; ItemError (kind `frames`)."""
    # A phone's JPEG may carry a second picture (of depth, of light); its first is the picture.
    single = asked is None and image.format == "MPO"
    total = 1 if single else int(getattr(image, "n_frames", 1))
    if asked == "all":
        return range(total)
    if asked is None and total > 1:
        raise ItemError(
            f"{where}: holds {total} frames",
            reason="one picture is wanted",
            mend=f"choose one with --frame 0 to --frame {total - 1}, or take --frame all",
            kind="frames",
        )
    number = int(asked or 0)
    if number >= total:
        plural = "frame" if total == 1 else "frames"
        raise ItemError(
            f"{where}: has no frame {number}",
            reason=f"it holds {total} {plural}, counted from 0",
            mend=f"--frame 0 to --frame {total - 1} are there" if total > 1 else "use --frame 0",
            kind="frames",
        )
    return range(number, number + 1)


def load_frame(image: Image.Image, number: int, size: int, where: str) -> Image.Image:
    """Return one frame, decoded and turned upright, of a file of `size` bytes."""
    if number:
        image.seek(number)
        _refuse_large(image, size, where)
    image.load()
    if image.getexif().get(ExifTags.Base.Orientation, UPRIGHT) == UPRIGHT:
        return image  # as most are: no copy is needed
    return ImageOps.exif_transpose(image)


def _refuse_large(image: Image.Image, size: int, where: str) -> None:
    """Refuse what is large, or says so and is nothing: 50 bytes of GIF may fill gigabytes."""
    pixels = image.width * image.height
    if pixels > MOST_PIXELS:
        raise ItemError(f"{where}: more than {MOST_PIXELS:,} pixels", kind="unreadable")
    if pixels > max(FREE_PIXELS, MOST_PIXELS_OF_A_BYTE * size):
        raise ItemError(
            f"{where}: {size:,} bytes claim to be {pixels:,} pixels",
            reason="a picture of that size has more bytes; this one is blank, damaged or a bomb",
            mend="give it as an array (.npy) if it is what you want",
            kind="unreadable",
        )

"""Brings a decoded picture to the channels that the model takes, in sRGB."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
ALIKE = 2  # steps of 255 by which two spellings of sRGB may differ


def to_channels(image: Image.Image, channels: int, notes: dict[str, str]) -> Image.Image:
    """Return the picture as grey (1), RGB (3) or RGBA (4); `notes` says what was done.

    Alpha is laid on white unless the model takes it. A picture of floats stays one, and grey.
    """
    profile = image.info.get("icc_profile")
    if channels != 4 and image.has_transparency_data:
        image = _on_white(image, notes)
    if image.mode in ("1", "L", "F"):
        if channels > 1:
            notes["grey-to-colour"] = "a grey picture was repeated in three channels"
        return image if image.mode == "F" else _in_mode(image, MODES[channels])
    if channels == 1:
        notes["colour-to-grey"] = "a colour picture was made grey"
    return _in_mode(_to_srgb(image, profile, notes), MODES[channels])


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    """Return the picture in a mode; `convert` would copy one that is in it already."""
    return image if image.mode == mode else image.convert(mode)


def _on_white(image: Image.Image, notes: dict[str, str]) -> Image.Image:
    layers = image.convert("RGBA")
    white = Image.new("RGBA", layers.size, "white")
    if layers.getchannel("A").getextrema() != (255, 255):
        notes["alpha"] = "a transparent picture was laid on white"
    return Image.alpha_composite(white, layers).convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes | None, notes: dict[str, str]) -> Image.Image:
    """Return colours as sRGB, by the file's own profile where it has one."""
    inks = image.mode == "CMYK"
    plain = _in_mode(image, "RGBA" if image.has_transparency_data else "RGB")
    transform = None if profile is None else _transform(profile, "CMYK" if inks else "RGB", notes)
    if transform is None:
        if inks:
            notes["cmyk"] = "CMYK colours were converted without a colour profile"
        return plain
    if not inks and _changes_nothing(transform):
        return plain
    notes["icc"] = "colours were converted to sRGB by the file's own colour profile"
    made = ImageCms.applyTransform(image if inks else plain.convert("RGB"), transform)
    if made is None:
        raise ValueError("its colour profile gave nothing")
    if plain.mode == "RGBA":
        made.putalpha(plain.getchannel("A"))
    return made


def _transform(
    profile: bytes, mode: str, notes: dict[str, str]
) -> ImageCms.ImageCmsTransform | None:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        notes["icc-unusable"] = "the file's colour profile cannot be used and was passed over"
        return None


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Return whether the profile is sRGB by another name, as most are; tried on a few colours."""
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    made = ImageCms.applyTransform(Image.fromarray(colours), transform)
    return int(np.abs(np.asarray(made, np.int16) - colours.astype(np.int16)).max()) <= ALIKE

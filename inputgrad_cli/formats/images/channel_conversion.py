"""Converts a decoded picture to the channels that the model takes, in sRGB."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
MAX_SRGB_STEPS = 2  # of 255; two profiles that differ by no more than this are both sRGB


def to_channels(image: Image.Image, channels: int, notes: dict[str, str]) -> Image.Image:
    """Return the picture as grey (1), RGB (3) or RGBA (4), and add a note for each conversion.

    A transparent picture is blended on white unless the model takes alpha. A picture of floats
    stays grey and keeps its floats.
    """
    profile = image.info.get("icc_profile")
    if channels != 4 and image.has_transparency_data:
        image = _blend_on_white(image, notes)
    if image.mode in ("1", "L", "F"):
        if channels > 1:
            notes["grey-to-colour"] = "a grey picture was repeated in three channels"
        return image if image.mode == "F" else _convert_mode(image, MODES[channels])
    if channels == 1:
        notes["colour-to-grey"] = "a colour picture was made grey"
    return _convert_mode(_to_srgb(image, profile, notes), MODES[channels])


def _convert_mode(image: Image.Image, mode: str) -> Image.Image:
    """Return the picture in a mode, without the copy that `convert` makes if it has it already."""
    return image if image.mode == mode else image.convert(mode)


def _blend_on_white(image: Image.Image, notes: dict[str, str]) -> Image.Image:
    layers = image.convert("RGBA")
    white = Image.new("RGBA", layers.size, "white")
    if layers.getchannel("A").getextrema() != (255, 255):
        notes["alpha"] = "a transparent picture was laid on white"
    return Image.alpha_composite(white, layers).convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes | None, notes: dict[str, str]) -> Image.Image:
    """Return the colours as sRGB, converted by the colour profile of the file if it has one."""
    is_cmyk = image.mode == "CMYK"
    rgb = _convert_mode(image, "RGBA" if image.has_transparency_data else "RGB")
    transform = (
        None if profile is None else _build_transform(profile, "CMYK" if is_cmyk else "RGB", notes)
    )
    if transform is None:
        if is_cmyk:
            notes["cmyk"] = "CMYK colours were converted without a colour profile"
        return rgb
    if not is_cmyk and _is_identity(transform):
        return rgb
    notes["icc"] = "colours were converted to sRGB by the file's own colour profile"
    converted = ImageCms.applyTransform(image if is_cmyk else rgb.convert("RGB"), transform)
    if converted is None:
        raise ValueError("its colour profile gave nothing")
    if rgb.mode == "RGBA":
        converted.putalpha(rgb.getchannel("A"))
    return converted


def _build_transform(
    profile: bytes, mode: str, notes: dict[str, str]
) -> ImageCms.ImageCmsTransform | None:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        notes["icc-unusable"] = "the file's colour profile cannot be used and was passed over"
        return None


def _is_identity(transform: ImageCms.ImageCmsTransform) -> bool:
    """Return whether the profile changes no colour of a grid by more than a rounding error.

    Most embedded profiles are sRGB under another name.
    """
    # 18 levels of each channel, from 0 to 255.
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    converted = ImageCms.applyTransform(Image.fromarray(colours), transform)
    return (
        int(np.abs(np.asarray(converted, np.int16) - colours.astype(np.int16)).max())
        <= MAX_SRGB_STEPS
    )

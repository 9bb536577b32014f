"""Masks and label maps: which pixels of a segmentation are meant, and what they are in truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from inputgrad_cli.data.target_text import Target
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.formats.files import read_bytes, reason_of
from inputgrad_cli.formats.images.frames import decoding, open_picture
from inputgrad_cli.formats.npy import read_npy
from inputgrad_cli.machine.missing_files import typed
from inputgrad_cli.numeric.arrays import Array

FEW = 16  # values of a mask or label map; a shaded picture has more
LOSSY = ("JPEG", "MPO", "WEBP")  # what was black is nearly black there
RULE = (
    f"true is what is above zero in an array or a picture of at most {FEW} values, and what is "
    "brighter than half in a shaded picture or a JPEG"
)


def read_masks(targets: Sequence[Target]) -> dict[str, Array]:
    """Return the masks that targets name, by path."""
    return {t.path: read_mask(Path(t.path)) for t in targets if t.kind == "mask"}


def read_mask(path: Path) -> Array:
    """Return a boolean mask (H, W), true by `RULE`; axes of one may stand around it."""
    try:
        data = read_bytes(path)
        if path.suffix.lower() == ".npy":
            mask = read_npy(data, str(path)) != 0
        else:
            values, half, is_map = _picture(data, str(path))
            mask = values > (0 if is_map else half)
    except ItemError as error:
        what = f"mask {typed(path)}: cannot be read"
        raise UsageError(what, reason=reason_of(error, path)) from None
    plain = _without_ones(mask)
    if plain.ndim != 2:
        raise UsageError(f"mask {path}: has the shape {mask.shape}, not (height, width)")
    if not plain.any():
        raise UsageError(f"mask {path}: the mask is empty", reason=RULE)
    return np.asarray(plain, bool)


def read_label_map(data: bytes, where: str) -> Array:
    """Return the labels of a mask picture, float32 (H, W): 0 and 1 of a mask, else class numbers.

    Raises ItemError for a shaded picture.
    """
    values, half, is_map = _picture(data, where)
    distinct = np.unique(values)
    is_mask = len(distinct) <= 2 and distinct[-1] > half and distinct[0] in (0, distinct[-1])
    if is_mask or not is_map:
        if not is_mask and not _is_two_toned(values, half):
            raise ItemError(
                f"{where}: no mask, but a picture of {len(distinct)} values",
                reason=f"a mask has two, a label map at most {FEW}",
                mend="give other true values as an array, .npy",
                kind="truth",
            )
        values = values > half
    return values.astype(np.float32)


def _is_two_toned(values: Array, half: int) -> bool:
    """Return whether nearly all is black or white: a mask that was saved as JPEG, or smoothed."""
    top = 2 * half + 1
    return float(np.mean(np.minimum(values, top - values) <= top // 8)) > 0.9


def _picture(data: bytes, where: str) -> tuple[Array, int, bool]:
    """Return a picture's values (H, W), half of the largest there can be, and if they are labels.

    A picture with a palette gives the numbers in it, not their colours.
    """
    with decoding(data, where):
        image = open_picture(data, where)
        is_lossy = image.format in LOSSY
        values = _values(image)
    half = 127 if values.dtype == np.uint8 else 32767
    is_map = image.mode == "P" or len(np.unique(values)) <= FEW
    return values, half, is_map and not is_lossy


def _values(image: Image.Image) -> Array:
    if image.mode in ("P", "L"):
        return np.asarray(image)
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.int32)
    grey = np.asarray(image.convert("L"))
    # The brightness of a colour is no class number: two colours are a mask.
    return np.where(grey, 255, 0).astype(np.uint8) if len(np.unique(grey)) <= 2 else grey


def _without_ones(mask: Array) -> Array:
    """Return (H, W) of (1, H, W), (H, W, 1) or (1, H, W, 1)."""
    if mask.ndim > 2 and mask.shape[-1] == 1:
        mask = mask[..., 0]
    return mask[0] if mask.ndim == 3 and len(mask) == 1 else mask

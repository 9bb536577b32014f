"""Reads masks, which select pixels of a segmentation, and label maps, which hold true classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.formats.bounded_file_reading import format_reason, read_bytes
from inputgrad_cli.formats.images.frame_decoding import catch_decoder_errors, open_image
from inputgrad_cli.formats.safe_npy_reading import read_npy
from inputgrad_cli.machine.missing_path_suggestions import to_typed_path
from inputgrad_cli.numeric.array_helpers import Array

MAX_LABELS = 16  # distinct values of a mask or label map; a shaded picture has more
LOSSY_FORMATS = ("JPEG", "MPO", "WEBP")  # compression makes black only nearly black
MASK_RULE = (
    f"true is what is above zero in an array or a picture of at most {MAX_LABELS} values, and "
    "what is brighter than half in a shaded picture or a JPEG"
)


def read_masks(targets: Sequence[Target]) -> dict[str, Array]:
    """Return the masks of all targets of kind `mask`, by path."""
    return {t.path: read_mask(Path(t.path)) for t in targets if t.kind == "mask"}


def read_mask(path: Path) -> Array:
    """Return a boolean mask, (H, W), that is true as `MASK_RULE` says.

    The file may hold more axes if they have length one. Raises UsageError.
    """
    try:
        data = read_bytes(path)
        if path.suffix.lower() == ".npy":
            mask = read_npy(data, str(path)) != 0
        else:
            values, half, is_map = _read_grey_values(data, str(path))
            mask = values > (0 if is_map else half)
    except ItemError as error:
        message = f"mask {to_typed_path(path)}: cannot be read"
        raise UsageError(message, reason=format_reason(error, path)) from None
    squeezed = _squeeze_mask(mask)
    if squeezed.ndim != 2:
        raise UsageError(f"mask {path}: has the shape {mask.shape}, not (height, width)")
    if not squeezed.any():
        raise UsageError(f"mask {path}: the mask is empty", reason=MASK_RULE)
    return np.asarray(squeezed, bool)


def read_label_map(data: bytes, where: str) -> Array:
    """Return the labels of a picture, float32 (H, W).

    They are 0 and 1 for a mask, and class indices otherwise. Raises ItemError (kind `truth`) for a
    shaded picture.
    """
    values, half, is_map = _read_grey_values(data, where)
    distinct = np.unique(values)
    is_mask = len(distinct) <= 2 and distinct[-1] > half and distinct[0] in (0, distinct[-1])
    if is_mask or not is_map:
        if not is_mask and not _is_two_toned(values, half):
            raise ItemError(
                f"{where}: not a mask, but a picture of {len(distinct)} values",
                reason=f"a mask has two, a label map at most {MAX_LABELS}",
                hint="give other true values as an array, .npy",
                kind="truth",
            )
        values = values > half
    return values.astype(np.float32)


def _is_two_toned(values: Array, half: int) -> bool:
    """Return whether nearly all pixels are black or white, such as a mask in a JPEG."""
    top = 2 * half + 1  # 255 or 65535, the value of white
    return float(np.mean(np.minimum(values, top - values) <= top // 8)) > 0.9


def _read_grey_values(data: bytes, where: str) -> tuple[Array, int, bool]:
    """Return the values (H, W), half of their possible maximum, and whether they are labels.

    A picture with a palette gives the palette indices and not the colours.
    """
    with catch_decoder_errors(data, where):
        image = open_image(data, where)
        is_lossy = image.format in LOSSY_FORMATS
        values = _to_grey(image)
    half = 127 if values.dtype == np.uint8 else 32767
    is_map = image.mode == "P" or len(np.unique(values)) <= MAX_LABELS
    return values, half, is_map and not is_lossy


def _to_grey(image: Image.Image) -> Array:
    if image.mode in ("P", "L"):
        return np.asarray(image)
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.int32)
    grey = np.asarray(image.convert("L"))
    # The brightness of a colour is not a class index, but two colours are a mask.
    return np.where(grey, 255, 0).astype(np.uint8) if len(np.unique(grey)) <= 2 else grey


def _squeeze_mask(mask: Array) -> Array:
    """Return (H, W) of (1, H, W), (H, W, 1) or (1, H, W, 1)."""
    if mask.ndim > 2 and mask.shape[-1] == 1:
        mask = mask[..., 0]
    return mask[0] if mask.ndim == 3 and len(mask) == 1 else mask

"""Masks: which pixels of a segmentation are meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inputgrad_cli.arrays import Array
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.formats.arrays import read_npy
from inputgrad_cli.formats.files import read_bytes
from inputgrad_cli.formats.frames import decoding, open_picture
from inputgrad_cli.missing import typed


def read_mask(path: Path) -> Array:
    """Return a boolean mask (H, W): where a picture is brighter than half, an array not zero."""
    try:
        data = read_bytes(path)
        if path.suffix.lower() == ".npy":
            mask = read_npy(data, str(path)) != 0
        else:
            with decoding(data, str(path)):
                mask = np.asarray(open_picture(data, str(path)).convert("L")) > 127
    except ItemError as error:
        raise UsageError(
            f"mask {typed(path)}: cannot be read", reason=error.reason, mend=error.mend
        ) from None
    mask = mask[..., 0] if mask.ndim == 3 and mask.shape[-1] == 1 else mask
    if mask.ndim != 2:
        raise UsageError(f"mask {path}: has the shape {mask.shape}, not (height, width)")
    return np.asarray(mask, bool)

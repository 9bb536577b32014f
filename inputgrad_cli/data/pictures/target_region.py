"""Says which pixels of an image a target is about: those of a mask, or the place of a unit."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.numeric.resize import repeat_cells
from inputgrad_cli.schema.metadata_json import RegionRecord

Size = tuple[int, int]  # height, width


@dataclass(frozen=True)
class Region:
    """What a target is about in an image of this size: a mask (H, W), or the position of a unit.

    `unit` is the centre of the unit: row and column, counted in pixels, which may be fractions.
    """

    size: Size
    mask: Array | None = None
    unit: tuple[float, float] | None = None


def describe_region(
    target: ResolvedTarget, shape: tuple[int, ...], masks: Mapping[str, Array]
) -> RegionRecord | None:
    """Return the record of the region of a target, None if it has none.

    `shape` is that of one sample of the target's output, and `masks` are by path.
    """
    if target.kind == "mask":
        mask = masks[target.argument]
        # As bits, which no version of a compressor can change: equal results have equal bytes.
        bits = base64.b64encode(np.packbits(mask).tobytes()).decode()
        return {"shape": list(mask.shape), "mask": bits}
    is_unit = target.kind == "units" and len(target.terms) == 1 and len(target.terms[0]) > 1
    if not is_unit or len(shape) not in (2, 3) or min(shape[:2]) < 2:
        return None
    return {"shape": list(shape), "unit": list(target.terms[0])}


def fit_region(record: RegionRecord | None, size: Size | None) -> Region | None:
    """Return the region in an image of `size`, None if the output is none of its pixels.

    Both may be None: for a target without a region, and for a map of no image.

    A mask must have the proportions of the image. Of a unit it is known even less that the axes of
    its output are those of an image, so an output of two axes must have the size of the image.
    """
    if record is None or size is None:
        return None
    shape = record["shape"]
    if len(shape) < 2 or not all(shape) or not _has_proportions(shape, size):
        return None
    height, width = size
    if bits := record.get("mask"):
        mask = _unpack(bits, (shape[0], shape[1]))
        if mask is None:
            return None
        return Region(size, mask=repeat_cells(mask, size, ((0, height), (0, width))))
    unit = record.get("unit", ())
    if len(unit) < 2 or (len(shape) == 2 and tuple(shape) != size):
        return None
    row, column = (
        (index + 0.5) * after / before - 0.5
        for index, after, before in zip(unit[:2], size, shape[:2], strict=True)
    )
    return Region(size, unit=(row, column))


def _has_proportions(shape: list[int], size: Size) -> bool:
    """Return whether an output has the proportions of an image, but for rounded sides."""
    (height, width), (rows, columns) = size, shape[:2]
    return abs(rows * width - columns * height) < min(size)


def _unpack(bits: str, shape: Size) -> Array | None:
    """Return the mask (H, W), None if the text of a damaged record is not that of one."""
    height, width = shape
    try:
        packed = base64.b64decode(bits, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(packed) != -(-height * width // 8):
        return None
    values = np.unpackbits(np.frombuffer(packed, np.uint8), count=height * width)
    return values.reshape(shape).astype(bool)

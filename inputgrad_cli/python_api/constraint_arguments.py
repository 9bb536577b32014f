"""Reads what bounds a search, as callers of the Python interface give it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from inputgrad_cli.data.feature_constraints import FeatureRange
from inputgrad_cli.errors import UsageError
from inputgrad_cli.formats.images.masks_and_label_maps import read_mask
from inputgrad_cli.formats.tables.feature_ranges_file import read_feature_ranges
from inputgrad_cli.model import PathLike
from inputgrad_cli.numeric.array_helpers import Array


def parse_ranges(ranges: Mapping[str, Any] | PathLike | None) -> tuple[FeatureRange, ...]:
    """Return the ranges of a file, or of pairs of the lowest and the highest value by name."""
    if ranges is None:
        return ()
    if isinstance(ranges, (str, os.PathLike)):
        return tuple(read_feature_ranges(Path(ranges)))
    return tuple(_parse_range(name, pair) for name, pair in ranges.items())


def _parse_range(name: str, pair: Any) -> FeatureRange:
    try:
        low, high = (float(end) for end in pair)
    except (TypeError, ValueError):
        raise UsageError(
            f"ranges[{name!r}] is not a pair of numbers",
            hint="give the lowest and the highest value",
            # An array that was given by mistake may print as thousands of lines.
            received=repr(pair)[:100],
        ) from None
    return FeatureRange(name, f"ranges[{name!r}]", {"low": low, "high": high})


def read_where(where: Any) -> Array | None:
    """Return the mask of an array, or of a file; true where values may move."""
    if where is None:
        return None
    if isinstance(where, (str, os.PathLike)):
        return read_mask(Path(where))
    return np.asarray(where, bool)

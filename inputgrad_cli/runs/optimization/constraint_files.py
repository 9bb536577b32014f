"""Reads the files that say what may move in a search."""

from __future__ import annotations

from pathlib import Path

from inputgrad_cli.data.samples import Samples
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.formats.images.masks_and_label_maps import read_mask
from inputgrad_cli.formats.read_samples import open_file, read_samples
from inputgrad_cli.formats.tables.feature_ranges_file import read_feature_ranges
from inputgrad_cli.interfaces.reader import ReadOptions
from inputgrad_cli.optimization.input_constraints import SearchLimits
from inputgrad_cli.runs.planning.run_options import SearchOptions


def read_limits(search: SearchOptions, options: ReadOptions) -> SearchLimits:
    """Return what may move, and how far; UsageError if one of the files cannot be used."""
    return SearchLimits(
        search.freeze,
        tuple(read_feature_ranges(search.ranges)) if search.ranges else (),
        _read_data(search.data, options) if search.data else None,
        read_mask(search.where) if search.where else None,
    )


def _read_data(path: Path, options: ReadOptions) -> Samples:
    try:
        return read_samples({None: open_file(path)}, {None: path}, options)
    except ItemError as error:
        raise UsageError(
            f"--data {path}: cannot be used", reason=error.message, hint=error.hint
        ) from None

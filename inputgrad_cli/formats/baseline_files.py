"""Reads baselines from files."""

from __future__ import annotations

from pathlib import Path

from inputgrad_cli.data.baselines import Dataset, FromFile
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.formats.bounded_file_reading import read_bytes
from inputgrad_cli.formats.read_samples import read_samples
from inputgrad_cli.interfaces.reader import ReadOptions
from inputgrad_cli.numeric.array_helpers import Array


def read_baseline_bytes(baseline: FromFile) -> bytes:
    """Return the bytes of a baseline file. Raises UsageError if it cannot be read."""
    try:
        return read_bytes(Path(baseline.path))
    except ItemError as error:
        raise UsageError(
            f"{_format_option(baseline)}: the file cannot be read",
            reason=error.reason or error.message,
            hint=error.hint,
        ) from None


def _format_option(baseline: FromFile) -> str:
    return f"--baseline {baseline.name}:path={baseline.path}"


def read_baseline(baseline: object, options: ReadOptions) -> dict[str, Array]:
    """Return the samples of a baseline file by input name, each (K, ...).

    The result is empty for baselines that are not read from a file. The file is read like an input.
    Raises UsageError if it cannot be read or does not fit, if one of its samples cannot be used,
    and if the baseline is `file` and it holds more than one sample.
    """
    if not isinstance(baseline, FromFile):
        return {}
    path, data = Path(baseline.path), read_baseline_bytes(baseline)
    option = _format_option(baseline)
    try:
        samples = read_samples({None: data}, {None: path}, options)
        for error in samples.failed.values():
            raise error
    except ItemError as error:
        raise UsageError(
            f"{option}: {error.message}", reason=error.reason, hint=error.hint
        ) from None
    if len(samples) > 1 and not isinstance(baseline, Dataset):
        raise UsageError(
            f"{option}: holds {len(samples)} samples",
            reason="the baseline of one file is a single sample",
            hint=f"for all of them use dataset:path={baseline.path}",
        )
    return dict(samples.arrays)

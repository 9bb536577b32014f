"""Baselines that stand in files."""

from __future__ import annotations

from pathlib import Path

from inputgrad_cli.data.baselines import Dataset, Given
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.formats.files import read_bytes
from inputgrad_cli.formats.read import Reading, read_samples
from inputgrad_cli.numeric.arrays import Array


def content(baseline: Given) -> bytes:
    """Return the bytes of a baseline's file; UsageError where it cannot be read."""
    try:
        return read_bytes(Path(baseline.path))
    except ItemError as error:
        raise UsageError(
            f"{_told(baseline)}: the file cannot be read",
            reason=error.reason or error.what,
            mend=error.mend,
        ) from None


def _told(baseline: Given) -> str:
    return f"--baseline {baseline.name}:path={baseline.path}"


def read_given(baseline: object, how: Reading) -> dict[str, Array]:
    """Return the samples of a baseline that stands in a file, (K, ...) by input; none for others.

    The file is read as an input would be. Raises UsageError where it cannot be read or does not
    fit, where a sample of it cannot be used, and where `file` holds more than one.
    """
    if not isinstance(baseline, Given):
        return {}
    path, data = Path(baseline.path), content(baseline)
    told = _told(baseline)
    try:
        found = read_samples({None: data}, {None: path}, how)
        for error in found.failed.values():
            raise error
    except ItemError as error:
        raise UsageError(f"{told}: {error.what}", reason=error.reason, mend=error.mend) from None
    if len(found) > 1 and not isinstance(baseline, Dataset):
        raise UsageError(
            f"{told}: holds {len(found)} samples",
            reason="one is compared with",
            mend=f"for all of them use dataset:path={baseline.path}",
        )
    return dict(found.arrays)

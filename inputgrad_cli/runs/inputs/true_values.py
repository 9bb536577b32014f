"""Reads the true values that a loss compares with (`--truth`)."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import numpy as np

from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.formats.bounded_file_reading import format_reason, read_bytes
from inputgrad_cli.formats.images.masks_and_label_maps import read_label_map
from inputgrad_cli.formats.readers import find_reader
from inputgrad_cli.formats.safe_npy_reading import read_npy
from inputgrad_cli.numeric.array_helpers import Array

MAX_LISTED_VALUES = 64  # values listed in a fingerprint; more are replaced by their hash


class TrueValues:
    """The true values of the items: one for all, by item name, or in order.

    In order means one for each sample of a single item, or else one for each item. A value is a
    number, or a file with an array or a mask picture.
    """

    def __init__(self, text: str, items: int) -> None:
        self._text, self._items = text, items
        self._named: dict[str, list[Array]] = {}
        self._order = np.zeros(0)
        try:
            self._order = np.array([float(text)])
        except ValueError:
            self._read(Path(text))

    def _read(self, path: Path) -> None:
        try:
            data = read_bytes(path)
            if _is_array_file(path):
                self._order = _read_array(data, path)
            elif path.suffix.lower() == ".csv":
                self._read_table(data.decode("utf-8-sig"), path)
                return
            else:
                lines = [x for x in data.decode("utf-8-sig").split("\n") if x.strip()]
                values = [self._read_value(line, path) for line in lines]
                self._order = np.stack(values) if values else self._order
        except (ItemError, UnicodeDecodeError) as error:
            raise UsageError(
                f"--truth {self._text}: neither a number nor a readable file",
                reason=format_reason(error, path),
            ) from None
        except ValueError:
            raise UsageError(f"--truth {path}: its files differ in shape") from None
        self._check_count(path)

    def _read_table(self, text: str, path: Path) -> None:
        for row in csv.DictReader(io.StringIO(text, newline="")):
            if "input" not in row or "value" not in row:
                raise UsageError(f"--truth {path}: its columns must be input,value")
            self._named.setdefault(row["input"], []).append(self._read_value(row["value"], path))

    def _check_count(self, path: Path) -> None:
        # How many samples a single item has is known only once it is read.
        if self._items > 1 and len(self._order) not in (1, self._items):
            raise UsageError(
                f"--truth {path}: {len(self._order)} values for {self._items} inputs",
                hint="give one for each, in their order, or a .csv of input,value",
            )

    def _read_value(self, text: str, path: Path) -> Array:
        """Return a number, or the array in the file of that name, without a sample axis."""
        try:
            return np.array(float(text))
        except (TypeError, ValueError):
            value_path = Path(text.strip()) if text else Path()
        if not _is_array_file(value_path):
            raise UsageError(f"--truth {path}: {text!r} is not a number, nor a mask or array file")
        try:
            return _drop_sample_axis(_read_array(read_bytes(value_path), value_path))
        except ItemError as error:
            raise UsageError(
                f"--truth {path}: {value_path} cannot be read",
                reason=format_reason(error, value_path),
            ) from None

    def list_values(self, name: str, index: int) -> list[object]:
        """Return the values of an item as given, or their shape and hash if there are many."""
        values = self._select_values(name, index)
        if values.size <= MAX_LISTED_VALUES:
            return list(values.tolist())
        return [list(values.shape), hashlib.sha256(values.tobytes()).hexdigest()]

    def _select_values(self, name: str, index: int) -> Array:
        if self._named:
            return np.stack(self._named[name]) if name in self._named else np.zeros(0)
        is_shared = self._items == 1 or len(self._order) == 1
        return self._order if is_shared else self._order[index : index + 1]

    def get_values(self, name: str, index: int, samples: int) -> Array:
        """Return the values of the item `name` at `index`: (samples, ...) float32.

        Those of a single sample may be given without the sample axis.
        """
        values = self._select_values(name, index)
        # All values belong to the only sample of the only item.
        if len(values) > 1 and samples == 1 and self._items == 1:
            values = values[np.newaxis]
        if len(values) == 1:  # one value for all samples
            values = np.repeat(values, samples, axis=0)
        if len(values) != samples:
            raise ItemError(
                f"{name}: {len(values)} true values for {samples} samples",
                hint="give one for each sample in --truth",
                kind="truth",
            )
        return values.astype(np.float32)


def _is_array_file(path: Path) -> bool:
    """Return whether `_read_array` reads such files, by the suffix."""
    return path.suffix.lower() == ".npy" or find_reader(path).kind == "image"


def _read_array(data: bytes, path: Path) -> Array:
    """Read the array in a file, with a sample axis; a picture becomes (1, H, W)."""
    if path.suffix.lower() == ".npy":
        return np.atleast_1d(read_npy(data, str(path)))
    return read_label_map(data, str(path))[np.newaxis]


def _drop_sample_axis(values: Array) -> Array:
    return values[0] if len(values) == 1 else values

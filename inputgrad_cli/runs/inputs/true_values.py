"""The true values that a loss compares with (`--truth`)."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import numpy as np

from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.formats.files import read_bytes, reason_of
from inputgrad_cli.formats.images.masks import read_label_map
from inputgrad_cli.formats.images.read_images import SUFFIXES
from inputgrad_cli.formats.npy import read_npy
from inputgrad_cli.numeric.arrays import Array

MAX_SPELLED = 64  # numbers in a fingerprint as they are; more stand there by their hash


class Truth:
    """True values for each item: one for all, by item name, or in order.

    In order means: along the samples of the only item, else one for each item. A value is a number,
    or an array or mask picture in a file of its own.
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
            if path.suffix.lower() in (".npy", *SUFFIXES):
                self._order = _array(data, path)
            elif path.suffix.lower() == ".csv":
                self._read_table(data.decode("utf-8-sig"), path)
                return
            else:
                lines = [x for x in data.decode("utf-8-sig").split("\n") if x.strip()]
                values = [self._value(line, path) for line in lines]
                self._order = np.stack(values) if values else self._order
        except (ItemError, UnicodeDecodeError) as error:
            raise UsageError(
                f"--truth {self._text}: neither a number nor a readable file",
                reason=reason_of(error, path),
            ) from None
        except ValueError:
            raise UsageError(f"--truth {path}: its files differ in shape") from None
        self._check_count(path)

    def _read_table(self, text: str, path: Path) -> None:
        for row in csv.DictReader(io.StringIO(text, newline="")):
            if "input" not in row or "value" not in row:
                raise UsageError(f"--truth {path}: its columns must be input,value")
            self._named.setdefault(row["input"], []).append(self._value(row["value"], path))

    def _check_count(self, path: Path) -> None:
        if self._items > 1 and len(self._order) not in (1, self._items):
            raise UsageError(
                f"--truth {path}: {len(self._order)} values for {self._items} inputs",
                mend="give one for each, in their order, or a .csv of input,value",
            )

    def _value(self, text: str, path: Path) -> Array:
        """Return a number, or what the file of that name holds, without a sample axis."""
        try:
            return np.array(float(text))
        except (TypeError, ValueError):
            own = Path(text.strip()) if text else Path()
        if own.suffix.lower() not in (".npy", *SUFFIXES):
            raise UsageError(f"--truth {path}: {text!r} is not a number, nor a mask or array file")
        try:
            return _one(_array(read_bytes(own), own))
        except ItemError as error:
            raise UsageError(
                f"--truth {path}: {own} cannot be read", reason=reason_of(error, own)
            ) from None

    def written(self, name: str, number: int) -> list[object]:
        """Return the values of an item as they are given, many of them by their hash."""
        given = self._given(name, number)
        if given.size <= MAX_SPELLED:
            return list(given.tolist())
        return [list(given.shape), hashlib.sha256(given.tobytes()).hexdigest()]

    def _given(self, name: str, number: int) -> Array:
        if self._named:
            return np.stack(self._named[name]) if name in self._named else np.zeros(0)
        alone = self._items == 1 or len(self._order) == 1
        return self._order if alone else self._order[number : number + 1]

    def of(self, name: str, number: int, samples: int) -> Array:
        """Return the values of item `number` called `name`: (samples, ...) float32.

        Those of a single sample may come without the sample axis.
        """
        values = self._given(name, number)
        if len(values) > 1 and samples == 1 and self._items == 1:
            values = values[np.newaxis]
        if len(values) == 1:
            values = np.repeat(values, samples, axis=0)
        if len(values) != samples:
            raise ItemError(
                f"{name}: {len(values)} true values for {samples} samples",
                mend="give one a sample in --truth",
                kind="truth",
            )
        return values.astype(np.float32)


def _array(data: bytes, path: Path) -> Array:
    """Return what a file holds with its sample axis, which a picture has not: (1, H, W)."""
    if path.suffix.lower() == ".npy":
        return np.atleast_1d(read_npy(data, str(path)))
    return read_label_map(data, str(path))[np.newaxis]


def _one(values: Array) -> Array:
    return values[0] if len(values) == 1 else values

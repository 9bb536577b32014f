"""The true values that a loss compares with (`--truth`)."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from inputgrad_cli.arrays import Array
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.formats.arrays import read_npy
from inputgrad_cli.formats.files import read_bytes


class Truth:
    """True values for each item: one number for all, by item name, or in order.

    In order means: along the samples of the only item, else one for each item.
    """

    def __init__(self, text: str, items: int) -> None:
        self._text, self._items = text, items
        self._named: dict[str, list[float]] = {}
        self._order: Array | None = None
        try:
            self._value: float | None = float(text)
        except ValueError:
            self._value = None
            self._read(Path(text))

    def _read(self, path: Path) -> None:
        try:
            data = read_bytes(path)
            if path.suffix.lower() == ".npy":
                self._order = np.atleast_1d(read_npy(data, str(path)))
                self._check_count(path)
                return
            lines = data.decode("utf-8-sig").split("\n")
        except (ItemError, UnicodeDecodeError) as error:
            raise UsageError(
                f"--truth {self._text}: neither a number nor a readable file", reason=str(error)
            ) from None
        if path.suffix.lower() == ".csv":
            for row in csv.DictReader(lines):
                if "input" not in row or "value" not in row:
                    raise UsageError(f"--truth {path}: its columns must be input,value")
                self._named.setdefault(row["input"], []).append(self._number(row["value"], path))
        else:
            values = [self._number(line, path) for line in lines if line.strip()]
            self._order = np.asarray(values)
            self._check_count(path)

    def _check_count(self, path: Path) -> None:
        if self._order is not None and self._items > 1 and len(self._order) not in (1, self._items):
            raise UsageError(
                f"--truth {path}: {len(self._order)} values for {self._items} inputs",
                mend="give one for each, in their order, or a .csv of input,value",
            )

    def _number(self, text: str, path: Path) -> float:
        try:
            return float(text)
        except (TypeError, ValueError):
            raise UsageError(f"--truth {path}: {text!r} is not a number") from None

    def written(self, name: str, number: int) -> list[object]:
        """Return the values of an item as they are given."""
        return list(self._given(name, number).tolist())

    def _given(self, name: str, number: int) -> Array:
        if self._value is not None:
            return np.array([self._value])
        if self._order is None:
            return np.asarray(self._named.get(name, ()))
        alone = self._items == 1 or len(self._order) == 1
        return self._order if alone else self._order[number : number + 1]

    def of(self, name: str, number: int, samples: int) -> Array:
        """Return the values of item `number` called `name`: (samples, ...) float32."""
        found = self._given(name, number)
        if len(found) == 1:
            found = np.repeat(found, samples, axis=0)
        if len(found) != samples:
            raise ItemError(
                f"{name}: {len(found)} true values for {samples} samples",
                mend="give one a sample in --truth",
                kind="truth",
            )
        return found.astype(np.float32)

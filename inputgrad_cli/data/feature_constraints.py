"""Describes the features of a table: the values that each may take, and what a change costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

KINDS = ("number", "integer", "category")
DIRECTIONS = ("both", "up", "down")


@dataclass(frozen=True)
class Feature:
    """The values that one column may take when it is changed.

    `low` and `high` bound them. With a `step` they are multiples of it, counted from `low` if that
    is finite, else from 0; integers and categories have a step of 1. `direction` says whether the
    value may rise, fall, or both. Columns of one `group` encode a category: one of them is 1, the
    others 0. `cost` is that of a change by one unit; without it, that of a change over the whole
    range is 1.
    """

    name: str
    low: float = -math.inf
    high: float = math.inf
    kind: str = "number"
    step: float | None = None
    direction: str = "both"
    group: str = ""
    cost: float | None = None
    frozen: bool = False

    @property
    def grid(self) -> float:
        """Return the distance of the values that are allowed, 0 if all between the bounds are."""
        step = self.step or 0.0
        # A step below 1 would lead an integer to values between the whole numbers.
        return step if self.kind == "number" else max(1.0, float(round(step)))

    @property
    def bounds(self) -> tuple[float, float]:
        """Return the lowest and the highest value; of a category 0 and 1 unless others are set."""
        if self.kind != "category" and not self.group:
            return self.low, self.high
        low = 0.0 if self.low == -math.inf else self.low
        return low, 1.0 if self.high == math.inf else self.high

    @property
    def unit_cost(self) -> float:
        """Return the cost of a change by one unit; a move in a group changes two columns."""
        width = self.high - self.low
        cost = self.cost or (1 / width if 0 < width < math.inf else 1.0)
        return cost / 2 if self.group else cost


@dataclass(frozen=True)
class Features:
    """The features of a point, in the order of its values."""

    columns: tuple[Feature, ...]

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return tuple(feature.name for feature in self.columns)

    @property
    def groups(self) -> Mapping[str, Sequence[int]]:
        """Return the indices of the columns of each group."""
        groups: dict[str, list[int]] = {}
        for index, feature in enumerate(self.columns):
            if feature.group:
                groups.setdefault(feature.group, []).append(index)
        return groups


@dataclass(frozen=True)
class FeatureRange:
    """What a file says about a feature: values of fields of `Feature`, by name of the field.

    `location` is the file and the line.
    """

    name: str
    location: str
    values: Mapping[str, str | float]

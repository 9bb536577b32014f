"""Derives what is known of the features of a table from rows, from ranges, and from names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from inputgrad_cli.data.feature_constraints import Feature, FeatureRange, Features
from inputgrad_cli.errors import UsageError
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.spelling_suggestions import format_advice, suggest

MAX_LISTED = 12  # names that a message lists; further ones are counted


def name_columns(shapes: Mapping[str, tuple[int, ...]], header: Sequence[str] = ()) -> list[str]:
    """Return a name for every value of a point whose inputs have these shapes, without the batch.

    They are those of the table's header, if it has one; else an input of one value has its own
    name, the values of one vector are numbered from 1, and those of several are `name.1` and so on.
    """
    sizes = {name: prod(shape) for name, shape in shapes.items()}
    if len(header) == sum(sizes.values()):
        return list(header)
    return [
        name if size == 1 else str(index + 1) if len(sizes) == 1 else f"{name}.{index + 1}"
        for name, size in sizes.items()
        for index in range(size)
    ]


def build_features(
    names: Sequence[str],
    rows: Array | None = None,
    ranges: Iterable[FeatureRange] = (),
    frozen: Iterable[str] = (),
) -> Features:
    """Return features with what the rows (N, D), then the ranges, and the frozen names say.

    Raises UsageError.
    """
    features = Features(tuple(Feature(name) for name in names))
    if rows is not None:
        features = measure_features(names, rows)
    return freeze_features(narrow_features(features, ranges), frozen)


def measure_features(names: Sequence[str], rows: Array) -> Features:
    """Return features with the ranges and costs of the rows (N, D) of a table.

    The cost of a unit is 1/MAD, the median absolute deviation from the median; if that is 0, it is
    1/std; a column of a single value is frozen. A column of whole numbers has the kind `integer`.
    Values that are not finite do not count.
    """
    columns = np.asarray(rows, np.float64).reshape(len(rows), -1).T
    return Features(
        tuple(_measure_feature(name, column) for name, column in zip(names, columns, strict=True))
    )


def _measure_feature(name: str, column: Array) -> Feature:
    values = column[np.isfinite(column)]
    if not len(values) or values.min() == values.max():
        return Feature(name, frozen=True)
    # The median deviation is 0 where more than half of the values are equal.
    deviation = np.median(np.abs(values - np.median(values))) or values.std()
    kind = "integer" if np.array_equal(values, np.rint(values)) else "number"
    low, high = float(values.min()), float(values.max())
    return Feature(name, low, high, kind, cost=1 / float(deviation))


def narrow_features(features: Features, ranges: Iterable[FeatureRange]) -> Features:
    """Return the features with what a file says about them, which wins.

    A feature that is listed may move. Raises UsageError for names that are unknown or given twice,
    for bounds in the wrong order, and for a group of a single column.
    """
    columns = {feature.name: feature for feature in features.columns}
    locations: dict[str, str] = {}
    for entry in ranges:
        name, location = entry.name, entry.location
        _check_name(name, features, f"{location}: ")
        if name in locations:
            raise UsageError(f"{location}: feature {name!r} is given twice", received=name)
        locations[name] = location
        values: dict[str, Any] = dict(entry.values)
        columns[name] = feature = replace(columns[name], **{"frozen": False, **values})
        if feature.low > feature.high:
            raise UsageError(
                f"{location}: feature {name!r} has the low bound {feature.low:g} above the high "
                f"bound {feature.high:g}",
                reason="" if {"low", "high"} <= values.keys() else "the other bound is the data's",
            )
    result = Features(tuple(columns[feature.name] for feature in features.columns))
    for group, indices in result.groups.items():
        if len(indices) == 1:
            name = result.names[indices[0]]
            raise UsageError(
                f"{locations.get(name, name)}: group {group!r} has the single column {name!r}",
                reason="a group has a column for each category",
                hint=_suggest(group, result.groups.keys() - {group}, "groups"),
            )
    return result


def freeze_features(features: Features, names: Iterable[str]) -> Features:
    """Return the features, those of these names or groups frozen.

    Raises UsageError for an unknown name.
    """
    words = set(names)
    for name in words - features.groups.keys():
        _check_name(name, features, "--freeze: ")
    return Features(
        tuple(
            replace(feature, frozen=feature.frozen or bool(words & {feature.name, feature.group}))
            for feature in features.columns
        )
    )


def _check_name(name: str, features: Features, prefix: str) -> None:
    if features.names.count(name) != 1:
        problem = "several features are" if name in features.names else "no feature is"
        raise UsageError(
            f"{prefix}{problem} called {name!r}", hint=_suggest(name, features.names, "features")
        )


def _suggest(name: str, known: Iterable[str], noun: str) -> str:
    names = list(known)
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    listing = f"the {noun} are {', '.join(names[:MAX_LISTED])}{more}" if names else ""
    return format_advice([word for word in suggest(name, names) if word != name], listing)

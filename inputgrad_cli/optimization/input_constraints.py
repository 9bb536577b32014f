"""What may move, and how far: names, ranges, data and masks as bounds of every value."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.data.feature_constraints import FeatureRange, Features
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.errors import UsageError
from inputgrad_cli.numeric.array_helpers import Array, format_shape
from inputgrad_cli.optimization.tabular.feature_constraint_builder import (
    build_features,
    name_columns,
)

MAX_FEATURES = 10_000  # values of a row that are described one by one; a picture has more
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class SearchLimits:
    """What may move, and how far.

    `freeze` are the names of inputs, of columns of a table, or of groups of columns that stay as
    they are. `ranges` bound columns, and `data` are samples whose ranges bound those that `ranges`
    does not name. `where` is true where values may move, in every input whose first axes it has.
    """

    freeze: tuple[str, ...] = ()
    ranges: tuple[FeatureRange, ...] = ()
    data: Samples | None = None
    where: Array | None = None


def describe_features(
    shapes: Shapes,
    limits: SearchLimits,
    *,
    header: Sequence[str] = (),
    series: Collection[str] = (),
    data: Array | None = None,
) -> Features | None:
    """Return the features of points whose inputs have these shapes, None if they are no table.

    `series` are the inputs whose values follow each other in time, and `data` are points of real
    samples, (K, D). Raises UsageError for names that are unknown.
    """
    # Columns that feed several inputs are named as those, in the order of the file.
    names = name_columns(shapes, header if len(shapes) == 1 else ())
    # The name of an input freezes all of its values, which `find_frozen` does.
    freeze = [word for word in limits.freeze if word not in shapes or word in names]
    is_table = not series and all(len(shape) <= 1 for shape in shapes.values())
    if not (freeze or limits.ranges or (is_table and len(names) <= MAX_FEATURES)):
        return None
    return build_features(names, data if is_table else None, limits.ranges, freeze)


def find_frozen(shapes: Shapes, limits: SearchLimits) -> NDArray[np.bool_]:
    """Return which values may not move, (D,), because of their input's name or of the mask."""
    frozen = [np.full(prod(shape), name in limits.freeze) for name, shape in shapes.items()]
    if limits.where is None:
        return np.concatenate(frozen)
    where = limits.where
    fitting = [where.ndim > 0 and shape[: where.ndim] == where.shape for shape in shapes.values()]
    if not any(fitting):
        inputs = ", ".join(f"{name} {format_shape(shape)}" for name, shape in shapes.items())
        raise UsageError(
            f"the mask of values that may move has shape {format_shape(where.shape)}",
            reason=f"the inputs that move are {inputs}",
            hint="give a mask of that height and width, without the channels or with them",
        )
    for index, shape in enumerate(shapes.values()):
        if fitting[index]:
            expanded = (where == 0).reshape(where.shape + (1,) * (len(shape) - where.ndim))
            frozen[index] |= np.broadcast_to(expanded, shape).reshape(-1)
    return np.concatenate(frozen)


def narrow_bounds(
    bounds: tuple[Array, Array], start: Array, features: Features
) -> tuple[Array, Array]:
    """Return bounds (B, D) inside those of the features; they contain the start, (B, D).

    A value outside of its range may stay, or move toward it.
    """
    columns = features.columns
    limits = np.array([(feature.low, feature.high) for feature in columns]).reshape(-1, 2)
    is_frozen = np.array([feature.frozen for feature in columns], bool)
    only_up = np.array([feature.direction == "up" for feature in columns], bool)
    only_down = np.array([feature.direction == "down" for feature in columns], bool)
    # Rounded to the inside, as float32 may lie beyond what was asked.
    low, high = limits.T.astype(np.float32)
    low = np.where(low < limits[:, 0], np.nextafter(low, np.float32(np.inf)), low)
    high = np.where(high > limits[:, 1], np.nextafter(high, np.float32(-np.inf)), high)
    low = np.minimum(np.maximum(bounds[0], low), start)
    high = np.maximum(np.minimum(bounds[1], high), start)
    low = np.where(is_frozen | only_up, start, low)
    high = np.where(is_frozen | only_down, start, high)
    return low, high

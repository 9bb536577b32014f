"""Names the features that keep a row from a wanted score: frozen, or at a bound of their range."""

from __future__ import annotations

import numpy as np

from inputgrad_cli.data.feature_constraints import Feature, Features
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.tabular.batched_query_scheduler import State
from inputgrad_cli.optimization.tabular.row_search_space import RowSpace

MAX_LISTED = 5  # features that a note lists, the steepest first; further ones are counted


def describe_failure(
    space: RowSpace, features: Features | None, closest: State, wanted: float
) -> str:
    """Return the closest score of a row that was not reached, and which features are stuck.

    A feature is stuck if its slope at the closest point says that a change would raise the score,
    but its range, its direction or being frozen forbids that.
    """
    columns = features.columns if features else _name_by_position(len(space.start))
    slopes = closest.gradient
    is_stuck = _find_stuck(space, slopes, closest.point)
    order = np.argsort(-np.abs(slopes) / space.costs, kind="stable")
    reasons = [
        f"{columns[index].name} ({_describe_bound(columns[index], space, slopes, index)})"
        for index in order.tolist()
        if is_stuck[index]
    ]
    closest_score = f"the closest score is {closest.score:.4g} of {wanted:.4g}"
    if not reasons:
        return closest_score
    more = f" and {len(reasons) - MAX_LISTED} more" if len(reasons) > MAX_LISTED else ""
    return f"{closest_score}; these could help, but are at a bound: " + (
        ", ".join(reasons[:MAX_LISTED]) + more
    )


def _name_by_position(width: int) -> tuple[Feature, ...]:
    return tuple(Feature(str(index + 1)) for index in range(width))


def _find_stuck(space: RowSpace, slopes: Array, point: Array) -> Array:
    """Return which features cannot move further to where their slope is positive, (D,).

    In a group that cannot move, these are the columns that should become 1.
    """
    is_stuck = np.where(slopes > 0, point >= space.high, point <= space.low) & (slopes != 0)
    is_wanted = ~space.can_move & (slopes > 0) & (point == 0)
    return np.asarray(np.where(space.is_category, is_wanted, is_stuck))


def _describe_bound(feature: Feature, space: RowSpace, slopes: Array, index: int) -> str:
    rises = slopes[index] > 0
    if feature.frozen or space.low[index] == space.high[index]:
        return "frozen"
    if feature.direction == ("down" if rises else "up"):
        return "it may only fall" if rises else "it may only rise"
    bound = space.range_high[index] if rises else space.range_low[index]
    return f"{'high' if rises else 'low'} bound {bound:g}"

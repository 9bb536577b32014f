"""Chooses the interval that a scalar which is no class is to reach, for each sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget
from inputgrad_cli.errors import UsageError
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.request import OptimizeRequest


def choose_interval(
    request: OptimizeRequest, resolved: ResolvedTarget, values: Array
) -> tuple[Array, Array, Array]:
    """Return low, high and wanted for a scalar that is no class; `values` are those now, (B,)."""
    until, shape = request.until, np.shape(values)
    if not until:
        _refuse_aimless(request, resolved)
    if len(until) == 2:
        return np.full(shape, until[0]), np.full(shape, until[1]), np.zeros(shape)
    rises = _choose_directions(request, resolved, values)
    # A goal that climbs without an end never arrives, so that it uses all of its steps.
    wanted = np.full(shape, np.inf)
    if until:
        # The interval of a scalar that falls ends at 0, so that its score is -f.
        wanted = np.where(rises, until[0], -until[0])
    return np.where(rises, 0.0, -np.inf), np.where(rises, np.inf, 0.0), wanted


def _choose_directions(
    request: OptimizeRequest, resolved: ResolvedTarget, values: Array
) -> NDArray[np.bool_]:
    """Return for which samples the scalar is to rise, (B,)."""
    goal = request.goal
    is_repaired = resolved.kind == "loss" and goal.minimal and not goal.leaves_class
    if request.direction == "auto" and not is_repaired:
        is_climb = not (goal.minimal or goal.leaves_class)
        return np.asarray(values < (np.inf if is_climb or not request.until else request.until[0]))
    return np.full(np.shape(values), request.direction == "up")


def _refuse_aimless(request: OptimizeRequest, resolved: ResolvedTarget) -> None:
    """Raise UsageError if a goal can never arrive, or does not know where to go."""
    goal = request.goal
    if goal.minimal:
        raise UsageError(
            f"goal {goal.name}: target {request.target.text!r} has no value to reach",
            reason=f"output {resolved.head!r} has no classes, or the target is none of them",
            hint="name the value with until, or two values to come between",
        )
    if goal.leaves_class and request.target.kind == "auto" and request.direction == "auto":
        raise UsageError(
            f"goal {goal.name}: output {resolved.head!r} has no classes to leave",
            hint="name a value to reach with until, or a direction, up or down",
        )

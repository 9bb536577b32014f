"""Checks radii against the kinds of the input files, and estimates what goals cost."""

from __future__ import annotations

from collections.abc import Sequence

from inputgrad_cli.formats.readers import find_reader
from inputgrad_cli.interfaces.goal import PIXEL_RANGE, Goal, GoalRequest
from inputgrad_cli.optimization.attack_radius import RadiusGoal
from inputgrad_cli.runs.inputs.item import Item

USUAL_GRADIENTS = 20  # of goals that end when they are reached


def estimate_gradients(goal: Goal) -> int:
    """Return about how many gradients a sample costs."""
    steps = goal.estimate_steps()
    if goal.leaves_class or goal.minimal:
        steps = min(steps, USUAL_GRADIENTS)
    return steps * (1 + int(getattr(goal, "bisections", 0)))


def check_radii(goals: Sequence[GoalRequest], items: Sequence[Item]) -> None:
    """Raise UsageError for a radius that makes no sense for some of the items.

    A radius is a share of the range of pixels if all inputs of an item are picture files.
    """
    for unit in find_units(items):
        for request in goals:
            if isinstance(request.goal, RadiusGoal):
                request.goal.choose_radii(unit)


def find_units(items: Sequence[Item]) -> set[float]:
    """Return what a radius of 1 means for the items: 255 for pictures, 1 for other inputs."""
    return {_find_unit(item) for item in items}


def _find_unit(item: Item) -> float:
    are_pictures = all(find_reader(path).kind == "image" for path in item.paths.values())
    return PIXEL_RANGE if are_pictures else 1.0

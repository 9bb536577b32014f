"""Checks goals against the rest of a call, without a file."""

from __future__ import annotations

from collections.abc import Sequence

from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.goal import GoalRequest


def refuse_bound_goals(goals: Sequence[GoalRequest]) -> None:
    """Raise UsageError if a goal changes an input, so that it cannot begin without one."""
    for request in goals:
        if request.goal.leaves_class or request.goal.minimal:
            raise UsageError(
                f"goal {request.text} changes an input, and none is given",
                hint="name a file, a directory, or - for a list on stdin",
            )


def refuse_several_ways(targets: Sequence[Target]) -> None:
    """Raise UsageError for the target `all`, because an input moves toward one target at a time."""
    for target in targets:
        if target.is_jacobian:
            raise UsageError(
                f"target {target.text!r}: an input moves toward one target at a time",
                hint="name one, such as class:3 or unit:0",
            )

"""Formats the list of goals for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from inputgrad_cli.cli.terminal_output import wrap_text

if TYPE_CHECKING:
    from inputgrad_cli.describe.goals import GoalDescription

INDENT = " " * 6


def format_goals(goals: Sequence[GoalDescription], width: int) -> str:
    """Return the goals with their parameters, papers and costs, for a page of this width."""
    lines = [line for goal in goals for line in _yield_lines(goal)]
    return "\n".join(wrap_text(line, width, INDENT) for line in lines)


def _yield_lines(goal: GoalDescription) -> Iterator[str]:
    origin = ", ".join(filter(None, (goal.family, goal.paper)))
    yield f"{goal.name} ({origin})"
    yield f"  {goal.help}"
    random = "; draws follow --seed" if goal.random else ""
    yield f"  gradients of an input: {goal.cost}{random}"
    for parameter in goal.parameters:
        choices = f" ({', '.join(parameter.choices)})" if parameter.choices else ""
        default = "unset" if parameter.default is None else parameter.default
        yield f"    {parameter.name} ({default})  {parameter.help}{choices}"

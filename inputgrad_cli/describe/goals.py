"""Describes goals of optimization from their definitions, for the command and the README."""

from __future__ import annotations

from dataclasses import dataclass

from inputgrad_cli.describe.methods import ParameterDescription, describe_parameter, format_link
from inputgrad_cli.optimization.goals import goals
from inputgrad_cli.registry import get_summary, list_parameters


@dataclass(frozen=True)
class GoalDescription:
    """A goal: its family, paper, help, parameters, and what it costs in gradients of one input."""

    name: str
    family: str
    paper: str
    help: str
    cost: str
    random: bool
    parameters: tuple[ParameterDescription, ...]


def list_goals() -> list[GoalDescription]:
    """Return the goals, sorted by family and name."""
    return [
        GoalDescription(
            cls.name,
            cls.family,
            cls.paper,
            get_summary(cls),
            cls.cost,
            cls.random,
            tuple(describe_parameter(parameter) for parameter in list_parameters(cls)),
        )
        for cls in sorted(goals, key=lambda cls: (cls.family, cls.name))
    ]


def format_goals_table() -> str:
    """Return the table of goals for the README, in Markdown, sorted by family and name."""
    lines = [
        "| goal | family | result | gradients of an input | paper |",
        "|---|---|---|---|---|",
    ]
    for goal in list_goals():
        cells = (f"`{goal.name}`", goal.family, goal.help, goal.cost, format_link(goal.paper))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)

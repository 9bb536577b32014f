"""Describes goals of optimization from their definitions, for the README."""

from __future__ import annotations

from inputgrad_cli.describe.methods import format_link
from inputgrad_cli.optimization.goals import goals
from inputgrad_cli.registry import get_summary


def format_goals_table() -> str:
    """Return the table of goals for the README, in Markdown, sorted by family and name."""
    lines = [
        "| goal | family | result | gradients of an input | paper |",
        "|---|---|---|---|---|",
    ]
    for goal in sorted(goals, key=lambda goal: (goal.family, goal.name)):
        cells = (
            f"`{goal.name}`",
            goal.family,
            get_summary(goal),
            goal.cost,
            format_link(goal.paper),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)

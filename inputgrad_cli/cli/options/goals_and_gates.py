"""The options of `optimize` that say where inputs shall go, and what may move."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from inputgrad_cli.cli import option_value_completion
from inputgrad_cli.cli.options.group_base_classes import OptionGroup, declare_option
from inputgrad_cli.cli.options.target import LABELS, SPACE, TARGET, TRUTH
from inputgrad_cli.cli.options.types import ColumnsType
from inputgrad_cli.optimization.summaries.fail_thresholds import FIELDS, OVER, UNDER, parse_gate

GOAL_TARGET_HELP = (
    "Where the input shall go: class:NAME, 3, unit:I,J, margin:A,B, loss:NAME, layer:NAME/unit:I "
    "and the other targets of `saliency`; auto: away from the label, or to the top class. "
    "Repeatable."
)


class GateType(click.ParamType[str]):
    """MEASURE=VALUE: a limit on the results of a run, given with `option`."""

    name = "MEASURE=VALUE"

    def __init__(self, option: str) -> None:
        self._option = option

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Return the gate as written; GrammarError points at the wrong word."""
        parse_gate(self._option, str(value))
        return str(value)


@dataclass(frozen=True)
class GoalOptions(OptionGroup):
    """Goals, targets, and the score that shall rise."""

    heading = "What to reach"

    # Not required here, because --goals is given without it.
    goal: tuple[str, ...] = declare_option(
        "--goal",
        multiple=True,
        metavar="NAME[:key=value,...]",
        shell_complete=option_value_completion.complete_goal,
        help="Goal of the search; --goals lists them. Repeatable.",
    )
    goals: bool = declare_option(
        "--goals", is_flag=True, help="List the goals with parameters, paper and cost, and exit."
    )
    target: tuple[str, ...] = declare_option("-t", "--target", **TARGET, help=GOAL_TARGET_HELP)
    truth: str | None = declare_option(
        "--truth", **TRUTH, help="True labels; default: what the model predicts."
    )
    until: float | None = declare_option(
        "--until", type=float, metavar="VALUE", help="Score at which a search has reached its goal."
    )
    space: str = declare_option("--space", **SPACE)
    labels: Path | None = declare_option("--labels", **LABELS)


@dataclass(frozen=True)
class MovementOptions(OptionGroup):
    """What may move, and how far."""

    heading = "What may move"

    freeze: tuple[str, ...] | None = declare_option(
        "--freeze",
        type=ColumnsType(),
        metavar="A,B,...",
        help="Columns of a table, or inputs, that stay as they are.",
    )
    ranges: Path | None = declare_option(
        "--ranges",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="File (.csv or .toml) with the range, kind, step or direction of columns.",
    )
    data: Path | None = declare_option(
        "--data",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="File of real samples, from which ranges and scales are taken.",
    )
    where: Path | None = declare_option(
        "--where",
        type=click.Path(path_type=Path),
        metavar="MASK",
        help="Picture or .npy whose nonzero pixels may move; all others stay.",
    )


@dataclass(frozen=True)
class SearchPictureOptions(OptionGroup):
    """The pictures of a search."""

    heading = "Pictures"

    picture: str = declare_option(
        "--picture",
        type=click.Choice(["panel", "none"]),
        default="panel",
        show_default=True,
        help="Draw before, after, change and trace of each input.",
    )
    gif: bool = declare_option(
        "--gif", is_flag=True, help="Also write an animation of the search of each picture."
    )


@dataclass(frozen=True)
class GateOptions(OptionGroup):
    """Limits on the results, for CI."""

    heading = "Gates"

    fail_under: tuple[str, ...] = declare_option(
        UNDER,
        multiple=True,
        type=GateType(UNDER),
        help=f"Exit with 1 below a limit: {', '.join(FIELDS[UNDER])}. Repeatable.",
    )
    fail_over: tuple[str, ...] = declare_option(
        OVER,
        multiple=True,
        type=GateType(OVER),
        help=f"Exit with 1 above a limit: {', '.join(FIELDS[OVER])}. Repeatable.",
    )

"""`inputgrad optimize`: moves inputs by their gradients until a goal is reached."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inputgrad_cli.cli import option_value_completion
from inputgrad_cli.cli.options.dask_cluster import MachineOptions
from inputgrad_cli.cli.options.goals_and_gates import (
    GateOptions,
    GoalOptions,
    MovementOptions,
    SearchPictureOptions,
)
from inputgrad_cli.cli.options.group_base_classes import GroupedCommand
from inputgrad_cli.cli.options.inputs import InputOptions
from inputgrad_cli.cli.options.json_config_verbosity import ScriptOptions
from inputgrad_cli.cli.options.opening_and_computing import ComputingOptions
from inputgrad_cli.cli.options.output import OutputOptions
from inputgrad_cli.cli.options.shared_run_arguments import RunCall
from inputgrad_cli.cli.run_or_dry_run import run_command
from inputgrad_cli.optimization.summaries.fail_thresholds import OVER, UNDER, Gate, parse_gate

if TYPE_CHECKING:
    from inputgrad_cli.data.shard import Shard
    from inputgrad_cli.runs.planning.run_options import RunOptions, SearchOptions


@click.command(
    "optimize",
    cls=GroupedCommand,
    groups={
        "search": GoalOptions,
        "movement": MovementOptions,
        "reading": InputOptions,
        "pictures": SearchPictureOptions,
        "gates": GateOptions,
        "output": OutputOptions,
        "execution": ComputingOptions,
        "machines": MachineOptions,
        "scripts": ScriptOptions,
    },
)
@click.argument("model", required=False, type=click.Path(path_type=Path), metavar="MODEL")
@click.argument(
    "inputs", nargs=-1, metavar="[INPUT]...", shell_complete=option_value_completion.complete_file
)
@click.pass_context
def run_optimize(
    ctx: click.Context,
    /,
    *,
    model: Path | None,
    inputs: tuple[str, ...],
    search: GoalOptions,
    movement: MovementOptions,
    reading: InputOptions,
    pictures: SearchPictureOptions,
    gates: GateOptions,
    output: OutputOptions,
    execution: ComputingOptions,
    machines: MachineOptions,
    scripts: ScriptOptions,
) -> int:
    """Move each INPUT by its gradient until a goal is reached; write the result and its change.

    Without INPUT the goal maximize begins at noise.

    Of a picture the result is a PNG file of whole pixels, which is read back and scored again: all
    figures are those of the stored result. A search that finds nothing is a result, too.

    Every option except --trust-model can also be set by INPUTGRAD_OPTIMIZE_<OPTION> in the
    environment, or in the table [optimize] of a file given by --config.

    \b
    inputgrad optimize --goals
    inputgrad optimize model.keras images/ --goal pgd --truth labels.csv
    inputgrad optimize model.keras image.png --goal deepfool:norm=inf -t class:cat
    """
    # Goals are listed without a model and without a goal, so Click cannot require either.
    if search.goals:
        _list_goals(scripts.json)
        return 0
    if model is None:
        raise click.UsageError("Missing argument 'MODEL'.")
    call = RunCall(model, inputs, reading, output, execution, machines, scripts)
    call.refuse_contradictions()
    if not search.goal:
        raise click.UsageError("Missing option '--goal'. `inputgrad optimize --goals` lists them.")
    limits = _parse_gates(gates, execution.shard)

    def build_options() -> RunOptions:
        from inputgrad_cli.data.pictures.picture_style import Style
        from inputgrad_cli.data.target_parser import parse_target

        return replace(
            call.build_options(ctx),
            # A goal takes the place of a method, in the plan and in the names of files.
            methods=(),
            targets=tuple(parse_target(text) for text in search.target),
            truth=search.truth,
            space=search.space,
            labels=search.labels,
            style=Style(kind="panel") if pictures.picture == "panel" else None,
            search=replace(
                _build_search(search, movement, limits),
                from_noise=not call.names_inputs,
                gif=pictures.gif,
            ),
        )

    # Searches make no checks that could fail; their limits are the gates.
    return run_command(call, build_options, strict=False)


def _build_search(
    search: GoalOptions, movement: MovementOptions, gates: tuple[Gate, ...]
) -> SearchOptions:
    from inputgrad_cli.runs.planning.run_options import SearchOptions

    return SearchOptions(
        search.goal,
        search.until,
        movement.freeze or (),
        movement.ranges,
        movement.data,
        movement.where,
        gates,
    )


def _parse_gates(gates: GateOptions, shard: Shard | None) -> tuple[Gate, ...]:
    """Return the limits on the results; UsageError for a shard, which has not all of them."""
    under = [parse_gate(UNDER, text) for text in gates.fail_under]
    limits = (*under, *(parse_gate(OVER, text) for text in gates.fail_over))
    if limits and shard:
        raise click.UsageError(
            f"{limits[0].option} needs all results, and a shard has only its own: join the shards "
            "with `inputgrad merge`, then call again without --shard."
        )
    return limits


def _list_goals(as_json: bool) -> None:
    from inputgrad_cli.cli.goal_list_text import format_goals
    from inputgrad_cli.cli.reporters.choose import choose_reporters
    from inputgrad_cli.cli.reporters.reporter_protocol import Result
    from inputgrad_cli.describe.goals import list_goals

    descriptions = list_goals()
    record = {"goals": [asdict(description) for description in descriptions]}
    choose_reporters(as_json).report(
        Result(record, lambda width: format_goals(descriptions, width))
    )

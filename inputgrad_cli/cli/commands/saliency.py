"""`inputgrad saliency`: computes attributions of inputs and writes arrays and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from inputgrad_cli.cli import completion
from inputgrad_cli.cli.options.arguments import model_argument
from inputgrad_cli.cli.options.execution import ExecutionOptions
from inputgrad_cli.cli.options.explanation import ExplanationOptions
from inputgrad_cli.cli.options.groups import GroupedCommand
from inputgrad_cli.cli.options.inputs import InputOptions
from inputgrad_cli.cli.options.output import OutputOptions
from inputgrad_cli.cli.options.pictures import PictureOptions
from inputgrad_cli.cli.options.saliency_call import SaliencyCall, build_options
from inputgrad_cli.cli.options.scripts import ScriptOptions
from inputgrad_cli.cli.reporters.choose import add_junit, choose_reporters
from inputgrad_cli.cli.terminal import show_status

if TYPE_CHECKING:
    from inputgrad_cli.runs.planning.options import RunOptions
    from inputgrad_cli.runs.planning.plan import Plan


@click.command(
    "saliency",
    cls=GroupedCommand,
    groups={
        "explanation": ExplanationOptions,
        "reading": InputOptions,
        "pictures": PictureOptions,
        "output": OutputOptions,
        "execution": ExecutionOptions,
        "scripts": ScriptOptions,
    },
)
@model_argument
@click.argument("inputs", nargs=-1, metavar="[INPUT]...", shell_complete=completion.complete_file)
@click.pass_context
def run_saliency(
    ctx: click.Context,
    /,
    *,
    model: Path,
    inputs: tuple[str, ...],
    explanation: ExplanationOptions,
    reading: InputOptions,
    pictures: PictureOptions,
    output: OutputOptions,
    execution: ExecutionOptions,
    scripts: ScriptOptions,
) -> int:
    """Write what MODEL looks at in each INPUT: arrays and, for picture inputs, heatmaps.

    INPUT is a file, a directory, or - to read names from stdin. Files can be pictures, .npy, .npz,
    .csv, .tsv, .jsonl, .parquet, .txt or .wav.

    Every option except --trust-model can also be set by INPUTGRAD_SALIENCY_<OPTION> in the
    environment, or in a file given by --config. The command line takes precedence, then the
    environment, then the file.

    \b
    inputgrad saliency model.keras image.png
    inputgrad saliency model.keras images/ -m smoothgrad -t top:2 -o maps
    inputgrad saliency model.keras table.csv -m input-x-gradient --json
    """
    call = SaliencyCall(model, inputs, explanation, reading, pictures, output, execution, scripts)
    _check_sources(call)
    _check_scale(call)
    from inputgrad_cli.machine.memory import limit_memory

    with (
        show_status(not scripts.quiet, "reading the files"),
        limit_memory(execution.max_memory),
    ):
        return _run(ctx, call)


def _run(ctx: click.Context, call: SaliencyCall) -> int:
    from inputgrad_cli.cli.reporters.session import open_session

    scripts, dry_run = call.scripts, call.output.dry_run
    reporters = choose_reporters(scripts.json, scripts.quiet, scripts.verbose)
    with open_session(reporters) as session:
        if not dry_run:
            add_junit(reporters, scripts.junit, call.execution.strict)
            session.replay_earlier()
        plan = _make_plan(build_options(ctx, call))
        if dry_run:
            session.show_plan(plan)
        else:
            session.run(plan)
    return session.code


def _make_plan(options: RunOptions) -> Plan:
    from inputgrad_cli.runs.planning.early_checks import check_run
    from inputgrad_cli.supervision.shared_page import Stage
    from inputgrad_cli.supervision.time_limits import compute_reading_seconds
    from inputgrad_cli.supervision.worker import WORKER

    WORKER.enter_stage(Stage.READING, str(options.model), compute_reading_seconds(options.model))
    checked = check_run(options)
    WORKER.enter_stage(Stage.STARTING)
    # Imports all readers; late, so that a refused call is quick.
    from inputgrad_cli.runs.planning.plan import make_plan

    return make_plan(checked)


def _check_sources(call: SaliencyCall) -> None:
    sources = [bool(call.inputs), bool(call.reading.input), call.reading.from_file is not None]
    if sum(sources) > 1:
        raise click.UsageError(
            "Give inputs as arguments, with -i, or with --from-file, not two of them."
        )
    if not any(sources):
        raise click.UsageError(
            "Missing argument 'INPUT'. Name a file, a directory, or - for a list on stdin."
        )


def _check_scale(call: SaliencyCall) -> None:
    pictures = call.pictures
    if call.execution.shard and pictures.scale == "run" and pictures.is_drawn:
        raise click.UsageError(
            "--scale run needs all maps, and a shard has only its own: leave it out, join the "
            "shards with `inputgrad merge`, then call `inputgrad render --scale run`."
        )

"""`inputgrad saliency`: computes attributions of inputs and writes arrays and pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inputgrad_cli.cli import option_value_completion
from inputgrad_cli.cli.options.arguments import model_argument
from inputgrad_cli.cli.options.dask_cluster import MachineOptions
from inputgrad_cli.cli.options.group_base_classes import GroupedCommand
from inputgrad_cli.cli.options.inputs import InputOptions
from inputgrad_cli.cli.options.json_config_verbosity import ScriptOptions
from inputgrad_cli.cli.options.methods_and_targets import ExplanationOptions
from inputgrad_cli.cli.options.opening_and_computing import ExecutionOptions
from inputgrad_cli.cli.options.output import OutputOptions
from inputgrad_cli.cli.options.pictures import PictureOptions, ShownPictureOptions
from inputgrad_cli.cli.options.shared_run_arguments import RunCall
from inputgrad_cli.cli.run_or_dry_run import run_command

if TYPE_CHECKING:
    from inputgrad_cli.runs.planning.run_options import RunOptions


@click.command(
    "saliency",
    cls=GroupedCommand,
    groups={
        "explanation": ExplanationOptions,
        "reading": InputOptions,
        "pictures": ShownPictureOptions,
        "output": OutputOptions,
        "execution": ExecutionOptions,
        "machines": MachineOptions,
        "scripts": ScriptOptions,
    },
)
@model_argument
@click.argument(
    "inputs", nargs=-1, metavar="[INPUT]...", shell_complete=option_value_completion.complete_file
)
@click.pass_context
def run_saliency(
    ctx: click.Context,
    /,
    *,
    model: Path,
    inputs: tuple[str, ...],
    explanation: ExplanationOptions,
    reading: InputOptions,
    pictures: ShownPictureOptions,
    output: OutputOptions,
    execution: ExecutionOptions,
    machines: MachineOptions,
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
    call = RunCall(model, inputs, reading, output, execution, machines, scripts)
    call.refuse_contradictions()
    if not call.names_inputs:
        raise click.UsageError(
            "Missing argument 'INPUT'. Name a file, a directory, or - for a list on stdin."
        )
    _check_scale(execution, pictures)
    pictures.refuse_contradictions()
    shows_preview = pictures.preview and not (scripts.json or scripts.quiet)

    def build_options() -> RunOptions:
        from inputgrad_cli.data.target_parser import parse_target

        return replace(
            call.build_options(ctx),
            methods=explanation.method,
            # Parsed before anything is read, so that an error can point at the word.
            targets=tuple(parse_target(text) for text in explanation.target),
            truth=explanation.truth,
            space=explanation.space,
            wrt=explanation.wrt,
            baseline=explanation.baseline,
            labels=explanation.labels,
            style=pictures.to_style(),
            preview=shows_preview,
            tolerance=execution.tolerance,
            strict=execution.strict,
            check_grad=execution.check_grad,
        )

    return run_command(call, build_options, strict=execution.strict, shows_preview=shows_preview)


def _check_scale(execution: ExecutionOptions, pictures: PictureOptions) -> None:
    if execution.shard and pictures.scale == "run" and pictures.is_drawn:
        raise click.UsageError(
            "--scale run needs all maps, and a shard has only its own: leave it out, join the "
            "shards with `inputgrad merge`, then call `inputgrad render --scale run`."
        )

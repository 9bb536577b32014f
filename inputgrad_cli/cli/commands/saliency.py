"""`inputgrad saliency`: computes attributions of inputs and writes arrays and pictures."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inputgrad_cli.cli import completion
from inputgrad_cli.cli.config import get_source
from inputgrad_cli.cli.options.arguments import model_argument
from inputgrad_cli.cli.options.execution import ExecutionOptions
from inputgrad_cli.cli.options.explanation import ExplanationOptions
from inputgrad_cli.cli.options.groups import GroupedCommand
from inputgrad_cli.cli.options.inputs import InputOptions
from inputgrad_cli.cli.options.output import OutputOptions
from inputgrad_cli.cli.options.pictures import PictureOptions
from inputgrad_cli.cli.options.scripts import ScriptOptions
from inputgrad_cli.cli.reporters.choose import add_junit, choose_reporters
from inputgrad_cli.cli.terminal import show_status
from inputgrad_cli.runs.inputs.input_lists import read_list
from inputgrad_cli.storage.shards import Shard

if TYPE_CHECKING:
    from inputgrad_cli.runs.planning.options import RunOptions
    from inputgrad_cli.runs.planning.plan import Plan
    from inputgrad_cli.schema.records import Option


@dataclass(frozen=True)
class SaliencyCall:
    """The arguments and options of one call."""

    model: Path
    inputs: tuple[str, ...]
    explanation: ExplanationOptions
    reading: InputOptions
    pictures: PictureOptions
    output: OutputOptions
    execution: ExecutionOptions
    scripts: ScriptOptions


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


def build_options(ctx: click.Context, call: SaliencyCall) -> RunOptions:
    """Return the options of the run that the command line asks for."""
    from inputgrad_cli.data.image_options import ImageOptions, Resize
    from inputgrad_cli.data.target_text import parse_target
    from inputgrad_cli.runs.planning.options import RunOptions

    explanation, reading, execution = call.explanation, call.reading, call.execution
    resize = Resize(reading.resize, reading.interp)
    return RunOptions(
        model=call.model,
        inputs=_read_names(call),
        pairs=reading.input,
        methods=explanation.method,
        targets=tuple(parse_target(text) for text in explanation.target),
        truth=explanation.truth,
        space=explanation.space,
        wrt=explanation.wrt,
        baseline=explanation.baseline,
        preprocess=reading.preprocess,
        viewing=ImageOptions(resize, reading.frame, reading.input_range),
        columns=reading.columns or (),
        out=call.output.out,
        root=reading.root,
        include=reading.include,
        exclude=reading.exclude,
        style=call.pictures.to_style(),
        batch_size=execution.fixed_batch_size,
        device=execution.device,
        precision=execution.precision,
        seed=execution.seed,
        labels=explanation.labels,
        code=execution.code,
        trust=execution.trust_model,
        tolerance=execution.tolerance,
        strict=execution.strict,
        check_grad=execution.check_grad,
        on_exists=call.output.on_exists,
        shard=execution.shard,
        max_failures=execution.failure_limit,
        argv=ctx.obj or (),
        option_records=_record_sources(ctx),
    )


def _read_names(call: SaliencyCall) -> tuple[str, ...]:
    """Return the names of the inputs from the arguments, or from a list in a file or on stdin."""
    from inputgrad_cli.supervision.call_notes import read_once

    path, null = call.reading.from_file, call.reading.null
    if path is not None:
        try:
            data = read_once("list", path.read_bytes)
        except OSError as error:
            from inputgrad_cli.machine.missing_files import suggest_path, to_typed_path

            message = f"--from-file {to_typed_path(path)}: {error.strerror}"
            raise click.UsageError(f"{message}; {suggest_path(path)}.") from None
        return read_list(data, null, str(path))
    if call.inputs == ("-",):
        # `sys.stdin` is None if the caller closed it.
        data = read_once("stdin", lambda: sys.stdin.buffer.read() if sys.stdin else b"")
        return read_list(data, null, "stdin")
    return call.inputs


def _record_sources(ctx: click.Context) -> dict[str, Option[Any]]:
    """Return the value of each option as JSON, and the source that it came from, for `run.json`.

    They are sorted by name, so that neither the order of the command line nor that of `--help`
    decides the bytes of the file.
    """
    return {
        name: {"value": _to_json(ctx.params[name]), "source": get_source(ctx, name)}
        for name in sorted(ctx.params)
    }


def _to_json(value: Any) -> Any:
    """Return a value as `run.json` stores it: numbers in a list are texts there."""
    return value if isinstance(value, (bool, int, float, type(None))) else _to_texts(value)


def _to_texts(value: Any) -> Any:
    if isinstance(value, Shard):
        return f"{value.number}/{value.of}"
    return [_to_texts(v) for v in value] if isinstance(value, (tuple, list)) else str(value)

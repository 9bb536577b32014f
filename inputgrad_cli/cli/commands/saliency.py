"""`inputgrad saliency`: computes attributions of inputs and writes arrays and pictures."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from inputgrad_cli.cli import completion
from inputgrad_cli.cli.config import config_option, get_source
from inputgrad_cli.cli.options.explain import explain_options, input_options, run_options
from inputgrad_cli.cli.options.files import file_options
from inputgrad_cli.cli.options.shared import (
    build_style,
    json_option,
    junit_option,
    model_argument,
    picture_options,
    shard_option,
    verbosity_options,
)
from inputgrad_cli.cli.terminal import show_status
from inputgrad_cli.runs.inputs.input_lists import read_list
from inputgrad_cli.storage.shards import Shard

if TYPE_CHECKING:
    from inputgrad_cli.runs.planning.options import RunOptions
    from inputgrad_cli.runs.planning.plan import Plan


@click.command("saliency")
@model_argument
@click.argument("inputs", nargs=-1, metavar="[INPUT]...", shell_complete=completion.complete_file)
@explain_options
@input_options
@picture_options
@run_options
@file_options
@shard_option
@json_option
@junit_option
@config_option
@verbosity_options
@click.pass_context
def run_saliency(ctx: click.Context, /, **values: Any) -> int:
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
    _check_sources(values)
    _check_scale(values)
    from inputgrad_cli.machine.memory import limit_memory

    with show_status(not values["quiet"], "reading the files"), limit_memory(values["max_memory"]):
        return _run(ctx, values)


def _run(ctx: click.Context, values: dict[str, Any]) -> int:
    from inputgrad_cli.cli.reporters.text_and_json import TextReporter

    reporter = TextReporter.choose(values["json"], values["quiet"], values["verbose"])
    with reporter.open_session() as session:
        if not values["dry_run"]:
            session.open_junit(values["junit"], values["strict"])
            session.replay_earlier()
        plan = _make_plan(build_options(ctx, values))
        if values["dry_run"]:
            reporter.show_plan(plan)
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


def _check_sources(values: dict[str, Any]) -> None:
    sources = [bool(values["inputs"]), bool(values["input"]), values["from_file"] is not None]
    if sum(sources) > 1:
        raise click.UsageError(
            "Give inputs as arguments, with -i, or with --from-file, not two of them."
        )
    if not any(sources):
        raise click.UsageError(
            "Missing argument 'INPUT'. Name a file, a directory, or - for a list on stdin."
        )


def _check_scale(values: dict[str, Any]) -> None:
    if values["shard"] and values["scale"] == "run" and values["picture"] != "none":
        raise click.UsageError(
            "--scale run needs all maps, and a shard has only its own: leave it out, join the "
            "shards with `inputgrad merge`, then call `inputgrad render --scale run`."
        )


def build_options(ctx: click.Context, values: dict[str, Any]) -> RunOptions:
    """Return the options of the run that the command line asks for."""
    from inputgrad_cli.data.image_options import ImageOptions, Resize
    from inputgrad_cli.data.target_text import parse_target
    from inputgrad_cli.runs.planning.options import RunOptions

    max_failures = 1 if values["fail_fast"] else values["max_failures"]
    return RunOptions(
        model=values["model"],
        inputs=_read_names(values),
        pairs=values["input"],
        methods=values["method"],
        targets=tuple(parse_target(text) for text in values["target"]),
        truth=values["truth"],
        space=values["space"],
        wrt=values["wrt"],
        baseline=values["baseline"],
        preprocess=values["preprocess"],
        viewing=ImageOptions(
            Resize(values["resize"], values["interp"]), values["frame"], values["input_range"]
        ),
        columns=values["columns"] or (),
        out=values["out"],
        root=values["root"],
        include=values["include"],
        exclude=values["exclude"],
        style=build_style(values),
        batch_size=None if values["batch_size"] == "auto" else values["batch_size"],
        device=values["device"],
        precision=values["precision"],
        seed=values["seed"],
        labels=values["labels"],
        code=values["code"],
        trust=values["trust_model"],
        tolerance=values["tolerance"],
        strict=values["strict"],
        check_grad=values["check_grad"],
        on_exists=values["on_exists"],
        shard=values["shard"],
        max_failures=max_failures,
        argv=ctx.obj or (),
        option_records=_record_sources(ctx, values),
    )


def _read_names(values: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the inputs from the arguments, or from a list in a file or on stdin."""
    from inputgrad_cli.supervision.call_notes import read_once

    if values["from_file"] is not None:
        try:
            data = read_once("list", values["from_file"].read_bytes)
        except OSError as error:
            from inputgrad_cli.machine.missing_files import suggest_path, to_typed_path

            message = f"--from-file {to_typed_path(values['from_file'])}: {error.strerror}"
            raise click.UsageError(f"{message}; {suggest_path(values['from_file'])}.") from None
        return read_list(data, values["null"], str(values["from_file"]))
    if values["inputs"] == ("-",):
        # `sys.stdin` is None if the caller closed it.
        data = read_once("stdin", lambda: sys.stdin.buffer.read() if sys.stdin else b"")
        return read_list(data, values["null"], "stdin")
    return tuple(values["inputs"])


def _record_sources(ctx: click.Context, values: dict[str, Any]) -> dict[str, Any]:
    """Return the value of each option as JSON, and the source that it came from."""
    record = {}
    for name, value in values.items():
        is_json = isinstance(value, (bool, int, float, type(None)))
        json_value = value if is_json else _to_json(value)
        record[name] = {"value": json_value, "source": get_source(ctx, name)}
    return record


def _to_json(value: Any) -> Any:
    if isinstance(value, Shard):
        return f"{value.number}/{value.of}"
    return [_to_json(v) for v in value] if isinstance(value, (tuple, list)) else str(value)

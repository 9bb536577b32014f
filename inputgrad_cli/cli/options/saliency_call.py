"""One call of `saliency`: its arguments and options, and the run that they ask for."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inputgrad_cli.cli.config import get_source
from inputgrad_cli.cli.options.execution import ExecutionOptions
from inputgrad_cli.cli.options.explanation import ExplanationOptions
from inputgrad_cli.cli.options.inputs import InputOptions
from inputgrad_cli.cli.options.output import OutputOptions
from inputgrad_cli.cli.options.pictures import PictureOptions
from inputgrad_cli.cli.options.scripts import ScriptOptions
from inputgrad_cli.runs.inputs.input_lists import read_list
from inputgrad_cli.storage.shards import Shard

if TYPE_CHECKING:
    from inputgrad_cli.runs.planning.options import RunOptions
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

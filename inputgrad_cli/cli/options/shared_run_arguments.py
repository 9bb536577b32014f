"""The arguments and options that calls of `saliency` and `optimize` have in common."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inputgrad_cli.cli.config import get_source
from inputgrad_cli.cli.options.dask_cluster import MachineOptions
from inputgrad_cli.cli.options.inputs import InputOptions
from inputgrad_cli.cli.options.json_config_verbosity import ScriptOptions
from inputgrad_cli.cli.options.opening_and_computing import ComputingOptions
from inputgrad_cli.cli.options.output import OutputOptions

if TYPE_CHECKING:
    from inputgrad_cli.runs.planning.run_options import RunOptions
    from inputgrad_cli.schema.run_json import Option

SHOWN_CLASSES = 3  # of each sample, with -v


@dataclass(frozen=True)
class RunCall:
    """The arguments and options of one call, except those of what is computed."""

    model: Path
    inputs: tuple[str, ...]
    reading: InputOptions
    output: OutputOptions
    execution: ComputingOptions
    machines: MachineOptions
    scripts: ScriptOptions

    @property
    def names_inputs(self) -> bool:
        """Return whether inputs are named, in whatever way."""
        reading = self.reading
        return bool(self.inputs or reading.input or reading.from_file is not None)

    def refuse_contradictions(self) -> None:
        """Raise UsageError if inputs or a cluster are named in more than one way, or in vain."""
        reading = self.reading
        sources = [bool(self.inputs), bool(reading.input), reading.from_file is not None]
        if sum(sources) > 1:
            raise click.UsageError(
                "Give inputs as arguments, with -i, or with --from-file, not two of them."
            )
        self.machines.refuse_contradictions()

    def build_options(self, ctx: click.Context) -> RunOptions:
        """Return the options of the run, without those of what is computed."""
        from inputgrad_cli.data.image_options import ImageOptions, Resize
        from inputgrad_cli.runs.planning.run_options import RunOptions

        reading, execution = self.reading, self.execution
        resize = Resize(reading.resize, reading.interp)
        return RunOptions(
            model=self.model,
            inputs=_read_names(self),
            pairs=reading.input,
            preprocess=reading.preprocess,
            viewing=ImageOptions(resize, reading.frame, reading.input_range),
            columns=reading.columns or (),
            lines=reading.lines,
            out=self.output.out,
            root=reading.root,
            include=reading.include,
            exclude=reading.exclude,
            batch_size=execution.fixed_batch_size,
            device=execution.device,
            precision=execution.precision,
            seed=execution.seed,
            code=execution.code,
            trust=execution.trust_model,
            on_exists=self.output.on_exists,
            shard=execution.shard,
            max_failures=execution.failure_limit,
            argv=ctx.obj or (),
            option_records=_record_sources(ctx),
            shown_classes=SHOWN_CLASSES if self.scripts.verbose else 0,
            cluster=self.machines.to_cluster(execution.max_memory),
        )


def _read_names(call: RunCall) -> tuple[str, ...]:
    """Return the names of the inputs from the arguments, or from a list in a file or on stdin."""
    from inputgrad_cli.runs.inputs.input_lists import read_list
    from inputgrad_cli.supervision.successor_notes import read_once

    # Either list may come through a pipe, which can be read only once, while another worker may
    # have to carry on this call.
    path, null = call.reading.from_file, call.reading.null
    if path is not None:
        try:
            data = read_once("list", path.read_bytes)
        except OSError as error:
            from inputgrad_cli.machine.missing_path_suggestions import suggest_path, to_typed_path

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
    return [_to_texts(v) for v in value] if isinstance(value, (tuple, list)) else str(value)

"""`inputgrad saliency`: the main job."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from inputgrad_cli.cli import completion
from inputgrad_cli.cli.config import config_option, source_of
from inputgrad_cli.cli.options.explain import asking, computing, reading
from inputgrad_cli.cli.options.files import finding
from inputgrad_cli.cli.options.shared import (
    drawing,
    json_option,
    junit_option,
    model_argument,
    shard_option,
    style_from,
    verbosity,
)
from inputgrad_cli.cli.terminal import shown
from inputgrad_cli.runs.inputs.input_lists import read_list
from inputgrad_cli.storage.shards import Shard

if TYPE_CHECKING:
    from inputgrad_cli.runs.planning.options import Job
    from inputgrad_cli.runs.planning.plan import Plan


@click.command("saliency")
@model_argument
@click.argument("inputs", nargs=-1, metavar="[INPUT]...", shell_complete=completion.files)
@asking
@reading
@drawing
@computing
@finding
@shard_option
@json_option
@junit_option
@config_option
@verbosity
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> int:
    """Write what MODEL looks at in each INPUT, as arrays and, where one can see it, as pictures.

    INPUT is a file, a directory, or - for names on stdin: pictures, .npy, .npz, .csv, .tsv, .jsonl,
    .parquet, .txt, .wav.

    Every option but --trust-model can also be set by INPUTGRAD_SALIENCY_<OPTION> in the
    environment, or in a file named by --config; the command line comes first, then the
    environment, then the file.

    \b
    inputgrad saliency model.keras image.png
    inputgrad saliency model.keras images/ -m smoothgrad -t top:2 -o maps
    inputgrad saliency model.keras table.csv -m input-x-gradient --json
    """
    _check_sources(values)
    _check_scale(values)
    from inputgrad_cli.machine.memory import allowing

    with shown(not values["quiet"], "reading the files"), allowing(values["max_memory"]):
        return _run(ctx, values)


def _run(ctx: click.Context, values: dict[str, Any]) -> int:
    from inputgrad_cli.cli.reporters.text_and_json import Show

    show = Show.pick(values["json"], values["quiet"], values["verbose"])
    with show.errors() as outcome:
        if not values["dry_run"]:
            outcome.keep(values["junit"], values["strict"])
            outcome.recall()
        plan = _make_plan(job_from(ctx, values))
        if values["dry_run"]:
            show.plan(plan)
        else:
            outcome.run(plan)
    return outcome.code


def _make_plan(job: Job) -> Plan:
    from inputgrad_cli.runs.planning.early_checks import check_job
    from inputgrad_cli.supervision.shared_page import Stage
    from inputgrad_cli.supervision.time_limits import reading_seconds
    from inputgrad_cli.supervision.worker import WORKER

    WORKER.enter(Stage.READING, str(job.model), reading_seconds(job.model))
    check = check_job(job)
    WORKER.enter(Stage.STARTING)
    from inputgrad_cli.runs.planning.plan import (
        make_plan,  # all readers: what is refused need not wait
    )

    return make_plan(check)


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
            "--scale run needs every map, and a shard has its own alone: leave it out, and draw "
            "once all are joined, by `inputgrad merge`, then `inputgrad render --scale run`."
        )


def job_from(ctx: click.Context, values: dict[str, Any]) -> Job:
    """Return the job that the options ask for."""
    from inputgrad_cli.data.target_text import parse
    from inputgrad_cli.formats.images.options import Resize, Viewing
    from inputgrad_cli.runs.planning.options import Job

    most = 1 if values["fail_fast"] else values["max_failures"]
    return Job(
        model=values["model"],
        named=_names(values),
        pairs=values["input"],
        methods=values["method"],
        targets=tuple(parse(text) for text in values["target"]),
        truth=values["truth"],
        space=values["space"],
        wrt=values["wrt"],
        baseline=values["baseline"],
        preprocess=values["preprocess"],
        viewing=Viewing(
            Resize(values["resize"], values["interp"]), values["frame"], values["input_range"]
        ),
        columns=values["columns"] or (),
        out=values["out"],
        root=values["root"],
        include=values["include"],
        exclude=values["exclude"],
        style=style_from(values),
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
        most_failures=most,
        argv=ctx.obj or (),
        options=_sources(ctx, values),
    )


def _names(values: dict[str, Any]) -> tuple[str, ...]:
    """Return the inputs named by arguments, or by a list in a file or on stdin."""
    from inputgrad_cli.supervision.call_notes import read_once

    if values["from_file"] is not None:
        try:
            data = read_once("list", values["from_file"].read_bytes)
        except OSError as error:
            from inputgrad_cli.machine.missing_files import mend_missing, typed

            what = f"--from-file {typed(values['from_file'])}: {error.strerror}"
            raise click.UsageError(f"{what}; {mend_missing(values['from_file'])}.") from None
        return read_list(data, values["null"], str(values["from_file"]))
    if values["inputs"] == ("-",):
        # Closed by the caller, there is none.
        data = read_once("stdin", lambda: sys.stdin.buffer.read() if sys.stdin else b"")
        return read_list(data, values["null"], "stdin")
    return tuple(values["inputs"])


def _sources(ctx: click.Context, values: dict[str, Any]) -> dict[str, Any]:
    """Return each option's value and where it came from."""
    out = {}
    for name, value in values.items():
        plain = value if isinstance(value, (bool, int, float, type(None))) else _plain(value)
        out[name] = {"value": plain, "source": source_of(ctx, name)}
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, Shard):
        return f"{value.number}/{value.of}"
    return [_plain(v) for v in value] if isinstance(value, (tuple, list)) else str(value)

"""`inputgrad merge`: joins the shards of a run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from inputgrad_cli.cli.options.group_base_classes import GroupedCommand
from inputgrad_cli.cli.options.json_config_verbosity import JsonOptions
from inputgrad_cli.cli.reporters.choose import choose_reporters
from inputgrad_cli.cli.reporters.reporter_protocol import Notice, Result
from inputgrad_cli.cli.terminal_output import show_status
from inputgrad_cli.option_choices import to_printable


@click.command("merge", cls=GroupedCommand, groups={"scripts": JsonOptions})
@click.argument(
    "runs",
    nargs=-1,
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="RUN...",
)
def run_merge(runs: tuple[Path, ...], scripts: JsonOptions) -> int:
    """Join the results of saliency calls with --shard into one run.

    RUN is an --out directory that holds one or more shards. All files are copied into the first
    RUN and checked by their hashes; the other directories stay as they are. Merging again changes
    nothing.
    """
    # Not imported by --help, as all that reads the records of a run.
    from inputgrad_cli.schema.file_names_in_json import to_readable_name
    from inputgrad_cli.storage.shard_merging import merge

    with show_status(True, "joining the shards"):
        result = merge(runs)
    reporter = choose_reporters(scripts.json)
    for shard, maps in result.lacking.items():
        reporter.report(
            Notice(
                f"warning: shard {shard} was stopped with {maps} maps to go; "
                "the same call without --shard computes them."
            )
        )
    counts = f"{result.shards} shards, {result.maps} maps, {result.failed} failed"
    line = f"{to_printable(str(result.run))}: {counts}"
    record = {**asdict(result), "run": to_readable_name(str(result.run))}
    reporter.report(Result(record, lambda width: line))
    return 0

"""`inputgrad merge`: one run out of its shares."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from inputgrad_cli.choices import printable
from inputgrad_cli.cli.options.shared import json_option
from inputgrad_cli.cli.terminal import put, say, shown


@click.command("merge")
@click.argument(
    "runs",
    nargs=-1,
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="RUN...",
)
@json_option
def command(runs: tuple[Path, ...], json: bool) -> int:
    """Join the shares of a run, made by --shard, into one.

    RUN is an --out directory, of one share or of several. All are joined in the first: files are
    copied there, checked by their hashes, and the others stay as they are. Doing it again changes
    nothing.
    """
    from inputgrad_cli.formats.attribution_npz import dump
    from inputgrad_cli.schema.encoded_names import plain
    from inputgrad_cli.storage.merge import merge

    with shown(True, "joining the shares"):
        made = merge(runs)
    for shard, maps in made.lacking.items():
        say(
            f"inputgrad: warning: shard {shard} was stopped with {maps} maps to go; "
            "the same saliency call without --shard makes them."
        )
    if json:
        put(dump({**asdict(made), "run": plain(str(made.run))}))
    else:
        told = f"{made.shards} shards, {made.maps} maps, {made.failed} failed"
        put(f"{printable(str(made.run))}: {told}")
    return 0

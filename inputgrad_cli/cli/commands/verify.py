"""`inputgrad verify`: whether the files of a run are what was written."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from inputgrad_cli.choices import printable
from inputgrad_cli.cli.options.shared import json_option, run_argument
from inputgrad_cli.cli.terminal import count, put, say, shown


@click.command("verify")
@run_argument
@json_option
def command(run: Path, json: bool) -> int:
    """List the files of RUN that are not what was written.

    RUN is the --out directory of a saliency call. Hashes, shapes, and what the files say of
    themselves are held against the journal. If any is bad the exit code is 1, and the same saliency
    call then makes those anew, and no others.
    """
    from inputgrad_cli.formats.attribution_npz import dump
    from inputgrad_cli.schema.encoded_names import plain
    from inputgrad_cli.storage.verify import verify

    with shown(True, "checking the files"):
        found = verify(run, count)
    if json:
        bad = [{**asdict(one), "path": plain(one.path)} for one in found.bad]
        about = {"run": plain(str(run)), "ok": not found.bad, **asdict(found), "bad": bad}
        put(dump(about))
        return 1 if found.bad else 0
    for one in found.bad:
        put(f"{printable(str(run / one.path))}: {printable(one.message)}")
    told = f"{found.files} files, {found.bytes:,} bytes, {len(found.bad)} bad"
    say(f"inputgrad: {told}.")
    if not found.marked:
        say(
            "inputgrad: RUN cannot be written: a saliency call will not know of those whose size "
            "is right; remove them first."
        )
    return 1 if found.bad else 0

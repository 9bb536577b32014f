"""`inputgrad verify`: compares the files of a run with its journal."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from inputgrad_cli.choices import to_printable
from inputgrad_cli.cli.options.arguments import run_argument
from inputgrad_cli.cli.options.groups import GroupedCommand
from inputgrad_cli.cli.options.scripts import JsonOptions
from inputgrad_cli.cli.terminal import show_status, update_items, write_stderr, write_stdout


@click.command("verify", cls=GroupedCommand, groups={"scripts": JsonOptions})
@run_argument
def run_verify(run: Path, scripts: JsonOptions) -> int:
    """List the files of RUN that are missing or modified.

    RUN is the --out directory of a saliency call. The hashes, shapes and metadata of its files are
    compared with its journal. If a file is bad, the exit code is 1, and the same saliency call
    then computes it again, and no other.
    """
    from inputgrad_cli.formats.attribution_npz import dump_json
    from inputgrad_cli.schema.encoded_names import to_readable_name
    from inputgrad_cli.storage.verify import verify

    with show_status(True, "checking the files"):
        result = verify(run, update_items)
    if scripts.json:
        bad = [{**asdict(file), "path": to_readable_name(file.path)} for file in result.bad]
        summary = {"run": to_readable_name(str(run)), "ok": not result.bad}
        write_stdout(dump_json({**summary, **asdict(result), "bad": bad}))
        return 1 if result.bad else 0
    for file in result.bad:
        write_stdout(f"{to_printable(str(run / file.path))}: {to_printable(file.message)}")
    counts = f"{result.files} files, {result.bytes:,} bytes, {len(result.bad)} bad"
    write_stderr(f"inputgrad: {counts}.")
    if not result.marked:
        write_stderr(
            "inputgrad: RUN cannot be written, so a saliency call will not notice bad files of the "
            "right size; remove them first."
        )
    return 1 if result.bad else 0

"""`inputgrad verify`: compares the files of a run with its journal."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from inputgrad_cli.cli.options.arguments import run_argument
from inputgrad_cli.cli.options.group_base_classes import GroupedCommand
from inputgrad_cli.cli.options.json_config_verbosity import JsonOptions
from inputgrad_cli.cli.reporters.choose import choose_reporters
from inputgrad_cli.cli.reporters.reporter_protocol import Result
from inputgrad_cli.cli.terminal_output import show_status, update_items
from inputgrad_cli.option_choices import to_printable

NOT_MARKED = (
    "RUN cannot be written, so a saliency call will not notice bad files of the right size; "
    "remove them first."
)


@click.command("verify", cls=GroupedCommand, groups={"scripts": JsonOptions})
@run_argument
def run_verify(run: Path, scripts: JsonOptions) -> int:
    """List the files of RUN that are missing or modified.

    RUN is the --out directory of a saliency call. The hashes, shapes and metadata of its files are
    compared with its journal. If a file is bad, the exit code is 1; the same saliency call then
    computes its map again, and no other map. A file is unfinished if a call that was ended had
    begun to replace it.
    """
    # Not imported by --help, as all that reads the records of a run.
    from inputgrad_cli.schema.file_names_in_json import to_readable_name
    from inputgrad_cli.storage.run_verification import verify

    with show_status(True, "checking the files"):
        result = verify(run, update_items)
    # Strict JSON has no form for the bytes of a name that is not UTF-8.
    bad = [{**asdict(file), "path": to_readable_name(file.path)} for file in result.bad]
    summary = {"run": to_readable_name(str(run)), "ok": not result.bad}
    lines = [
        f"{to_printable(str(run / file.path))}: {to_printable(file.message)}" for file in result.bad
    ]
    notes = [f"{result.files} files, {result.bytes:,} bytes, {len(result.bad)} bad."]
    notes += [] if result.marked else [NOT_MARKED]
    choose_reporters(scripts.json).report(
        Result(
            {**summary, **asdict(result), "bad": bad}, lambda width: "\n".join(lines), tuple(notes)
        )
    )
    return 1 if result.bad else 0

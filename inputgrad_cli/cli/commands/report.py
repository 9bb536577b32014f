"""`inputgrad report`: writes one HTML page of a run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inputgrad_cli.cli.options.arguments import run_argument
from inputgrad_cli.cli.options.group_base_classes import GroupedCommand
from inputgrad_cli.cli.options.json_config_verbosity import JsonOptions
from inputgrad_cli.cli.options.report import ReportPageOptions
from inputgrad_cli.cli.reporters.choose import choose_reporters
from inputgrad_cli.cli.reporters.reporter_protocol import Result
from inputgrad_cli.cli.terminal_output import show_status
from inputgrad_cli.option_choices import to_printable

if TYPE_CHECKING:
    from inputgrad_cli.report.write_report import ReportOptions, WrittenReport

HEAVY_BYTES = 50 << 20  # above this, browsers need seconds to open a page, and mail refuses it


@click.command(
    "report", cls=GroupedCommand, groups={"page": ReportPageOptions, "scripts": JsonOptions}
)
@run_argument
def run_report(run: Path, page: ReportPageOptions, scripts: JsonOptions) -> int:
    """Write one HTML page of RUN, to open, mail, or keep with a build.

    RUN is the --out directory of a call of saliency or optimize. The page shows every input with
    its pictures, class and score, what failed and why. It needs no network; nor does this command
    need the model or TensorFlow. If maps of RUN cannot be read, the page says so, and the exit
    code is 3.
    """
    from inputgrad_cli.report.write_report import write_report
    from inputgrad_cli.schema.file_names_in_json import to_readable_name

    if page.out is not None and page.folder is not None:
        raise click.UsageError("-o and --folder are two forms of a report; give one of them.")
    with show_status(True, "reading the maps"):
        written = write_report(run, _build_options(page))
    record = {
        "run": to_readable_name(str(run)),
        **asdict(written),
        "report": to_readable_name(str(written.path)),
    }
    del record["path"]
    path = to_printable(str(written.path))
    notes = tuple(_list_notes(written))
    choose_reporters(scripts.json).report(Result(record, lambda width: path, notes))
    return 3 if written.unread else 0


def _build_options(page: ReportPageOptions) -> ReportOptions:
    from inputgrad_cli.report.write_report import ReportOptions

    return ReportOptions(
        out=page.out,
        folder=page.folder,
        images=not page.no_images,
        px=int(page.px),
        max_bytes=page.max_size,
        title=page.title,
        top=page.top,
    )


def _list_notes(written: WrittenReport) -> list[str]:
    """Return the lines for stderr: what the page shows, and what a reader would miss."""
    from inputgrad_cli.report.path_and_number_formatting import format_size

    parts = [f"{written.items:,} item{'' if written.items == 1 else 's'}"]
    parts += [f"{written.failed:,} failed"] if written.failed else []
    parts += [f"{written.unmet:,} with a check that does not hold"] if written.unmet else []
    notes = [f"{', '.join(parts)}; {format_size(written.bytes)}."]
    if written.unread:
        notes.append(
            f"warning: {written.unread:,} maps could not be read; `inputgrad verify` lists "
            "the files."
        )
    if written.bytes > HEAVY_BYTES:
        notes.append("warning: browsers are slow with so large a page; take a smaller --max-size.")
    return notes

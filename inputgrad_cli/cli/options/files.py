"""The options of `saliency` for the files that are read and written."""

from __future__ import annotations

from pathlib import Path

import click

from inputgrad_cli.choices import EXISTING
from inputgrad_cli.cli.options.shared import combine_options

file_options = combine_options(
    click.option(
        "-o",
        "--out",
        type=click.Path(path_type=Path),
        default=Path("inputgrad-out"),
        show_default=True,
        help="Output directory.",
    ),
    click.option(
        "--on-exists",
        type=click.Choice(EXISTING),
        default="resume",
        show_default=True,
        help="If results exist: compute only what is missing, compute all again, or stop.",
    ),
    click.option(
        "--from-file",
        type=click.Path(path_type=Path),
        metavar="LIST",
        help="Read the names of the inputs from a file, one per line.",
    ),
    click.option(
        "-0",
        "null",
        is_flag=True,
        help="Names in LIST or on stdin are separated by NUL, not by newlines.",
    ),
    click.option(
        "--root",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Name items relative to DIR; default: the deepest directory that holds all inputs.",
    ),
    click.option(
        "--include",
        multiple=True,
        metavar="GLOB",
        help="Take only matching files from directories. Repeatable.",
    ),
    click.option(
        "--exclude",
        multiple=True,
        metavar="GLOB",
        help="Skip matching files in directories. Repeatable.",
    ),
    click.option("--fail-fast", is_flag=True, help="Stop after the first item that fails."),
    click.option(
        "--max-failures", type=click.IntRange(1), metavar="N", help="Stop after N failed items."
    ),
    click.option(
        "-n", "--dry-run", is_flag=True, help="Show what would be written, and compute nothing."
    ),
)

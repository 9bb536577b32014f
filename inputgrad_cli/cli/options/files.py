"""The options of `saliency` that say which files are read and written."""

from __future__ import annotations

from pathlib import Path

import click

from inputgrad_cli.choices import EXISTING
from inputgrad_cli.cli.options.shared import together

finding = together(
    click.option(
        "-o",
        "--out",
        type=click.Path(path_type=Path),
        default=Path("inputgrad-out"),
        show_default=True,
        help="The output directory.",
    ),
    click.option(
        "--on-exists",
        type=click.Choice(EXISTING),
        default="resume",
        show_default=True,
        help="What to do about results that are there.",
    ),
    click.option(
        "--from-file",
        type=click.Path(path_type=Path),
        metavar="LIST",
        help="Read input names from a file, one a line.",
    ),
    click.option("-0", "null", is_flag=True, help="Names in lists end with NUL, not with a line."),
    click.option(
        "--root",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Items are named relative to it.",
    ),
    click.option("--include", multiple=True, metavar="GLOB", help="Take these from directories."),
    click.option("--exclude", multiple=True, metavar="GLOB", help="Leave these out."),
    click.option("--fail-fast", is_flag=True, help="Stop after the first item that fails."),
    click.option(
        "--max-failures", type=click.IntRange(1), metavar="N", help="Stop after N such items."
    ),
    click.option("-n", "--dry-run", is_flag=True, help="Show what would be written, and stop."),
)

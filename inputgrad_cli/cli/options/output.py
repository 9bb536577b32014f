"""The options of `saliency` that say where results are written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from inputgrad_cli.cli.options.group_base_classes import OptionGroup, declare_option
from inputgrad_cli.option_choices import EXISTING


@dataclass(frozen=True)
class OutputOptions(OptionGroup):
    """The output directory, and what becomes of the results that it has."""

    heading = "Output"

    out: Path = declare_option(
        "-o",
        "--out",
        type=click.Path(path_type=Path),
        default=Path("inputgrad-out"),
        show_default=True,
        help="Output directory.",
    )
    # By default the same call again does the rest, however the first one has ended.
    on_exists: str = declare_option(
        "--on-exists",
        type=click.Choice(EXISTING),
        default="resume",
        show_default=True,
        help="If results exist: compute only what is missing, compute all again, or stop.",
    )
    dry_run: bool = declare_option(
        "-n",
        "--dry-run",
        is_flag=True,
        help="Show what would be written, and compute nothing.",
    )

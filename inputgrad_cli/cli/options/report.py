"""The options of `report` that say where the page is written and what it shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from inputgrad_cli.cli.options.group_base_classes import OptionGroup, declare_option
from inputgrad_cli.cli.options.types import SizeType


@dataclass(frozen=True)
class ReportPageOptions(OptionGroup):
    """Where a report is written, and what it shows."""

    heading = "Report"

    out: Path | None = declare_option(
        "-o",
        "--out",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="The page; default: report.html in RUN, where it can show the pictures beside it.",
    )
    folder: Path | None = declare_option(
        "--folder",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Write pages without scripts into DIR instead, for Jenkins and servers like it.",
    )
    no_images: bool = declare_option(
        "--no-images", is_flag=True, help="Leave out the pictures; names, scores, failures stay."
    )
    px: str = declare_option(
        "--px",
        type=click.Choice(["64", "96", "128"]),
        default="96",
        show_default=True,
        help="Height of the small pictures in pixels.",
    )
    max_size: int = declare_option(
        "--max-size",
        type=SizeType(),
        default="25M",
        show_default=True,
        help="Pictures become smaller, or are left out, above this size.",
    )
    title: str | None = declare_option("--title", metavar="TEXT", help="The title of the page.")
    top: int = declare_option(
        "--top",
        type=click.IntRange(1, 100),
        default=8,
        show_default=True,
        metavar="N",
        help="Of a row of a table, show the N values of largest magnitude.",
    )

"""The options of `saliency` that say which inputs are taken, and how they are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from inputgrad_cli.cli.options.group_base_classes import OptionGroup, declare_option
from inputgrad_cli.cli.options.types import ColumnsType, FrameType, NamedPathType, RangeType
from inputgrad_cli.option_choices import FILTERS, RESIZES


@dataclass(frozen=True)
class InputOptions(OptionGroup):
    """Where inputs are found, and how their files become arrays."""

    heading = "Inputs"

    input: tuple[tuple[str, str], ...] = declare_option(
        "-i",
        "--input",
        multiple=True,
        type=NamedPathType(),
        help="File or directory for one of several model inputs. Repeatable.",
    )
    preprocess: str = declare_option(
        "--preprocess",
        default="auto",
        show_default=True,
        metavar="auto|raw|unit|tf|caffe|torch|mean=..,std=..",
        help="How pixels are scaled for the model; picture files only.",
    )
    resize: str = declare_option(
        "--resize",
        type=click.Choice(RESIZES),
        default="stretch",
        show_default=True,
        help="How a picture is brought to the model's size.",
    )
    columns: tuple[str, ...] | None = declare_option(
        "--columns",
        type=ColumnsType(),
        metavar="A,B,...",
        help="Columns of a table to use as the input vector, in this order.",
    )
    lines: bool = declare_option(
        "--lines",
        is_flag=True,
        help="Take each line of a .txt file as one text.",
    )
    from_file: Path | None = declare_option(
        "--from-file",
        type=click.Path(path_type=Path),
        metavar="LIST",
        help="Read the names of the inputs from a file, one per line.",
    )
    # As `find -print0` writes names, which may hold newlines.
    null: bool = declare_option(
        "-0",
        is_flag=True,
        help="Names in LIST or on stdin are separated by NUL, not by newlines.",
    )
    include: tuple[str, ...] = declare_option(
        "--include",
        multiple=True,
        metavar="GLOB",
        help="Take only matching files from directories. Repeatable.",
    )
    exclude: tuple[str, ...] = declare_option(
        "--exclude",
        multiple=True,
        metavar="GLOB",
        help="Skip matching files in directories. Repeatable.",
    )
    root: Path | None = declare_option(
        "--root",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Name items relative to DIR; default: the deepest directory that holds all inputs.",
    )
    interp: str = declare_option(
        "--interp",
        type=click.Choice(FILTERS),
        default="bilinear",
        show_default=True,
        help="Interpolation filter for resizing.",
    )
    frame: str | int | None = declare_option(
        "--frame",
        type=FrameType(),
        metavar="N|all",
        help="Frame to read from an animated or multi-page picture, from 0; all: each as a sample.",
    )
    input_range: tuple[float, float] | None = declare_option(
        "--input-range",
        type=RangeType(),
        metavar="LO,HI",
        help="Values of black and white in 16-bit or float pictures; default for 16 bits: 0,65535.",
    )

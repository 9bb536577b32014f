"""The options for scripts: machine-readable output, options from a file, and less or more text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from inputgrad_cli.cli.config import load_config
from inputgrad_cli.cli.options.group_base_classes import OptionGroup, declare_option


@dataclass(frozen=True)
class JsonOptions(OptionGroup):
    """Whether a command writes JSON."""

    heading = "For scripts"

    json: bool = declare_option("--json", is_flag=True, help="Write JSON to stdout.")


@dataclass(frozen=True)
class ScriptOptions(JsonOptions):
    """How `saliency` reports, and where its options come from."""

    junit: Path | None = declare_option(
        "--junit",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Also write a JUnit XML file for CI, with one test case per map.",
    )
    config: Path | None = declare_option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE.toml",
        is_eager=True,  # because the file gives the defaults of the other options
        callback=load_config,
        help=(
            "Read options from its table for the command, as [saliency]; paths are taken as on the "
            "command line."
        ),
    )
    quiet: bool = declare_option("-q", "--quiet", is_flag=True, help="Write only errors to stderr.")
    verbose: bool = declare_option(
        "-v", "--verbose", is_flag=True, help="Show all warnings, notes and TensorFlow's log."
    )
    no_color: bool = declare_option(
        "--no-color", is_flag=True, help="Write no colours to the terminal."
    )

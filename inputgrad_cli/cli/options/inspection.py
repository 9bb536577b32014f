"""The options of `inspect` that say what is shown of a model."""

from __future__ import annotations

from dataclasses import dataclass

import click

from inputgrad_cli.cli.options.group_base_classes import OptionGroup, declare_option


@dataclass(frozen=True)
class InspectionOptions(OptionGroup):
    """What `inspect` shows, and whether it opens the model for it."""

    heading = "What to show"

    load: bool = declare_option(
        "--load", is_flag=True, help="Open the model with TensorFlow and prove its logits."
    )
    layers: bool = declare_option(
        "--layers", is_flag=True, help="List all layers, however many; --json always does."
    )
    length: int | None = declare_option(
        "--length",
        type=click.IntRange(min=1),
        metavar="N",
        help="Length that --load gives to axes of any length; default: tries several.",
    )
    write_sidecar: bool = declare_option(
        "--write-sidecar",
        is_flag=True,
        help="Write MODEL.inputgrad.toml, a file that sets preprocessing and labels.",
    )

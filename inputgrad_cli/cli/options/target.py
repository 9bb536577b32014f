"""Settings of the options of a target, which `saliency` and `optimize` have in common."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from inputgrad_cli.cli import option_value_completion
from inputgrad_cli.option_choices import SPACES

# The help of --target and --truth differs, so each command gives its own.
TARGET: Mapping[str, Any] = {
    "multiple": True,
    "default": ["auto"],
    "show_default": True,
    "metavar": "TARGET",
    "shell_complete": option_value_completion.complete_target,
}
TRUTH: Mapping[str, Any] = {
    "metavar": "VALUE|FILE",
    "shell_complete": option_value_completion.complete_file,
}
SPACE: Mapping[str, Any] = {
    "type": click.Choice(SPACES),
    "default": "auto",
    "show_default": True,
    "help": "The score as a logit, a probability or the output as is; auto: the logit if proved.",
}
LABELS: Mapping[str, Any] = {
    "type": click.Path(path_type=Path),
    "metavar": "FILE",
    "help": "File of class names; default: MODEL.labels.txt if it exists.",
}

"""The arguments that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

model_argument = click.argument("model", type=click.Path(path_type=Path), metavar="MODEL")

run_argument = click.argument(
    "run", type=click.Path(file_okay=False, path_type=Path), metavar="RUN"
)

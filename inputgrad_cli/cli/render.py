"""`inputgrad render`: a run's pictures, drawn again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from inputgrad_cli.cli.options import drawing, json_option, run_argument, style_from
from inputgrad_cli.words import printable


@click.command("render")
@run_argument
@drawing
@json_option
def command(run: Path, json: bool, **values: Any) -> int:
    """Draw the pictures of RUN, the --out directory of a saliency call, again.

    Needs neither the model nor TensorFlow. Where an input file is gone, the heatmap alone is drawn.
    """
    from inputgrad_cli.errors import EmptyError
    from inputgrad_cli.formats.results import dump
    from inputgrad_cli.jobs.redraw import redraw_held

    style = style_from(values)
    if style is None:
        raise click.UsageError("--picture none leaves nothing to draw.")
    done: list[str] = []
    failed: list[dict[str, str]] = []
    for made in redraw_held(run, style, values["scale"] == "run"):
        if made.error is not None:
            click.echo(f"inputgrad: failed: {printable(made.error.sentence())}", err=True)
            failed.append({"item": made.stem, "message": made.error.sentence()})
            continue
        if made.blank:
            click.echo(
                f"inputgrad: warning: {made.stem}: its input is gone; heatmap only.", err=True
            )
        done.append(str(run / str(made.name)))
        if not json:
            click.echo(printable(done[-1]))
    if json:
        click.echo(dump({"pictures": done, "failed": failed}))
    if not done and not failed:
        raise EmptyError(
            f"{run}: no map of this run can be drawn",
            reason="its inputs are no pictures: tables, texts and vectors have none",
        )
    return 3 if failed else 0

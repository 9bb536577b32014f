"""`inputgrad render`: a run's pictures, drawn again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inputgrad_cli.cli.options import drawing, json_option, run_argument, style_from
from inputgrad_cli.cli.screen import put, say, shown
from inputgrad_cli.words import printable

if TYPE_CHECKING:
    from inputgrad_cli.jobs.redraw import Redrawn
    from inputgrad_cli.rendering.style import Style


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

    style = style_from(values)
    if style is None:
        raise click.UsageError("--picture none leaves nothing to draw.")
    done: list[str] = []
    failed: list[dict[str, str]] = []
    for made in _drawn(run, style, values["scale"] == "run"):
        if made.error is not None:
            say(f"inputgrad: failed: {printable(made.error.sentence())}")
            failed.append({"item": made.stem, "message": made.error.sentence()})
            continue
        if made.blank:
            stem = printable(made.stem)
            say(f"inputgrad: warning: {stem}: its input is gone; heatmap only.")
        done.append(str(run / str(made.name)))
        if not json:
            put(printable(done[-1]))
    if json:
        put(dump({"pictures": done, "failed": failed}))
    if not done and not failed:
        raise EmptyError(
            f"{run}: no map of this run can be drawn",
            reason="its inputs are no pictures: tables, texts and vectors have none",
        )
    return 3 if failed else 0


def _drawn(run: Path, style: Style, one_scale: bool) -> Iterator[Redrawn]:
    """Yield each picture as it is drawn, and say meanwhile what is going on."""
    from inputgrad_cli.jobs.redraw import redraw_held

    with shown(True, "drawing the pictures"):
        yield from redraw_held(run, style, one_scale)

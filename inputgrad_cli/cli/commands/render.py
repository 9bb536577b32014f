"""`inputgrad render`: a run's pictures, drawn again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inputgrad_cli.choices import printable
from inputgrad_cli.cli.config import source_of
from inputgrad_cli.cli.options.shared import drawing, json_option, run_argument, style_fields
from inputgrad_cli.cli.terminal import put, say, shown

if TYPE_CHECKING:
    from inputgrad_cli.runs.pictures.render import Redrawn


@click.command("render")
@run_argument
@drawing
@json_option
@click.pass_context
def command(ctx: click.Context, /, run: Path, json: bool, **values: Any) -> int:
    """Draw the pictures of RUN, the --out directory of a saliency call, again.

    Each picture keeps its own kind and style but for the options given here. Needs neither the
    model nor TensorFlow. Where an input file is gone, the heatmap alone is drawn.
    """
    from inputgrad_cli.errors import EmptyError
    from inputgrad_cli.formats.attribution_npz import dump

    if values["picture"] == "none":
        raise click.UsageError("--picture none leaves nothing to draw.")
    given = {name: value for name, value in values.items() if source_of(ctx, name) != "default"}
    done: list[str] = []
    failed: list[dict[str, str]] = []
    for made in _drawn(run, style_fields(given)):
        if made.error is not None:
            say(f"inputgrad: failed: {printable(made.error.sentence())}")
            failed.append({"item": made.stem, "message": made.error.sentence()})
            continue
        if made.blank:
            stem = printable(made.stem)
            say(f"inputgrad: warning: {stem}: {printable(made.blank)}; heatmap only.")
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


def _drawn(run: Path, asked: dict[str, Any]) -> Iterator[Redrawn]:
    """Yield each picture as it is drawn, and say meanwhile what is going on."""
    from inputgrad_cli.rendering.style import Style
    from inputgrad_cli.runs.pictures.render import Asked, redraw_held

    with shown(True, "drawing the pictures"):
        yield from redraw_held(run, Asked(lambda own: replace(own or Style(), **asked)))

"""`inputgrad render`: draws the pictures of a run again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inputgrad_cli.choices import to_printable
from inputgrad_cli.cli.config import get_source
from inputgrad_cli.cli.options.shared import (
    get_style_fields,
    json_option,
    picture_options,
    run_argument,
)
from inputgrad_cli.cli.terminal import show_status, write_stderr, write_stdout

if TYPE_CHECKING:
    from inputgrad_cli.runs.pictures.render import RedrawnPicture


@click.command("render")
@run_argument
@picture_options
@json_option
@click.pass_context
def run_render(ctx: click.Context, /, run: Path, json: bool, **values: Any) -> int:
    """Draw the pictures of RUN again.

    RUN is the --out directory of a saliency call. Options that are not given keep the value with
    which each picture was drawn. Neither the model nor TensorFlow is needed. If an input file is
    missing, the heatmap alone is drawn.
    """
    from inputgrad_cli.errors import EmptyError
    from inputgrad_cli.formats.attribution_npz import dump_json

    if values["picture"] == "none":
        raise click.UsageError("--picture none leaves nothing to draw.")
    given = {name: value for name, value in values.items() if get_source(ctx, name) != "default"}
    paths: list[str] = []
    failed: list[dict[str, str]] = []
    for picture in _yield_pictures(run, get_style_fields(given)):
        if picture.error is not None:
            write_stderr(f"inputgrad: failed: {to_printable(picture.error.format_line())}")
            failed.append({"item": picture.stem, "message": picture.error.format_line()})
            continue
        if picture.blank:
            stem = to_printable(picture.stem)
            write_stderr(
                f"inputgrad: warning: {stem}: {to_printable(picture.blank)}; heatmap only."
            )
        paths.append(str(run / str(picture.name)))
        if not json:
            write_stdout(to_printable(paths[-1]))
    if json:
        write_stdout(dump_json({"pictures": paths, "failed": failed}))
    if not paths and not failed:
        raise EmptyError(
            f"{run}: no map of this run can be drawn",
            reason="only picture inputs have pictures, not tables, texts or vectors",
        )
    return 3 if failed else 0


def _yield_pictures(run: Path, changes: dict[str, Any]) -> Iterator[RedrawnPicture]:
    """Yield each picture as it is drawn; show a status line meanwhile."""
    from inputgrad_cli.data.picture_style import Style
    from inputgrad_cli.runs.pictures.render import RedrawOptions, redraw_locked

    with show_status(True, "drawing the pictures"):
        yield from redraw_locked(
            run, RedrawOptions(lambda style: replace(style or Style(), **changes))
        )

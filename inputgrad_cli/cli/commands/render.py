"""`inputgrad render`: draws the pictures of a run again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inputgrad_cli.cli.config import get_source
from inputgrad_cli.cli.options.arguments import run_argument
from inputgrad_cli.cli.options.group_base_classes import GroupedCommand
from inputgrad_cli.cli.options.json_config_verbosity import JsonOptions
from inputgrad_cli.cli.options.pictures import PictureOptions
from inputgrad_cli.cli.reporters.choose import choose_reporters
from inputgrad_cli.cli.reporters.reporter_protocol import Notice, Result, TextLine
from inputgrad_cli.cli.terminal_output import show_status
from inputgrad_cli.option_choices import to_printable

if TYPE_CHECKING:
    from inputgrad_cli.runs.pictures.redraw_result import RedrawnPicture


@click.command(
    "render", cls=GroupedCommand, groups={"pictures": PictureOptions, "scripts": JsonOptions}
)
@run_argument
@click.pass_context
def run_render(
    ctx: click.Context, /, *, run: Path, pictures: PictureOptions, scripts: JsonOptions
) -> int:
    """Draw the pictures of RUN again.

    RUN is the --out directory of a saliency call. Options that are not given keep the value with
    which each picture was drawn. Neither the model nor TensorFlow is needed. If an input file is
    missing, the heatmap alone is drawn.
    """
    from inputgrad_cli.errors import EmptyError

    if not pictures.is_drawn:
        raise click.UsageError("--picture none leaves nothing to draw.")
    pictures.refuse_contradictions()
    # Options that are not given must not undo the style in which a picture was drawn.
    given = [f.name for f in fields(pictures) if get_source(ctx, f.name) != "default"]
    reporter = choose_reporters(scripts.json)
    paths: list[str] = []
    failed: list[dict[str, str]] = []
    for picture in _yield_pictures(run, pictures, given):
        if picture.error is not None:
            message = picture.error.format_line()
            reporter.report(Notice(f"failed: {to_printable(message)}"))
            failed.append({"item": picture.stem, "message": message})
            continue
        if picture.blank:
            stem = to_printable(picture.stem)
            reporter.report(
                Notice(f"warning: {stem}: {to_printable(picture.blank)}; heatmap only.")
            )
        paths.append(str(run / str(picture.name)))
        reporter.report(TextLine(to_printable(paths[-1])))
    reporter.report(Result({"pictures": paths, "failed": failed}))
    if not paths and not failed:
        raise EmptyError(
            f"{run}: no map of this run can be drawn",
            reason=_explain_no_picture(),
        )
    return 3 if failed else 0


def _explain_no_picture() -> str:
    """Return which inputs have pictures, and which have none, by the registered kinds."""
    from inputgrad_cli.interfaces.picture import MAX_SAMPLES, class_pictures
    from inputgrad_cli.rendering import pictures

    drawn = list(dict.fromkeys(kind.subjects for kind in pictures))
    others = [word for word in ("tables", "texts", "vectors") if word not in drawn]
    reason = f"only {_join_words(drawn, 'and')} have pictures"
    reason = f"{reason}, not {_join_words(others, 'or')}" if others else reason
    classes = list(dict.fromkeys(kind.subjects for kind in class_pictures))
    reason += f"; of maps of all classes (-t all), only those of {_join_words(classes, 'and')}"
    limit = (
        f"of files with more than {MAX_SAMPLES} samples only images have, or what --picture names"
    )
    return f"{reason}; {limit}"


def _join_words(words: Sequence[str], last: str) -> str:
    """Return the words with commas, and `last` before the last one."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def _yield_pictures(
    run: Path, options: PictureOptions, given: Collection[str]
) -> Iterator[RedrawnPicture]:
    """Yield each picture as it is drawn; show a status line meanwhile."""
    from inputgrad_cli.data.pictures.picture_style import Style
    from inputgrad_cli.runs.pictures.picture_redrawing import RedrawOptions, redraw_locked

    with show_status(True, "drawing the pictures"):
        yield from redraw_locked(
            run, RedrawOptions(lambda style: options.apply_to(style or Style(), given))
        )

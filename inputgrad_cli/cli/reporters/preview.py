"""Reports the maps of the first inputs as colours on the terminal: pictures, and tables with bars.

A cell of the terminal shows two pixels of a picture, one above the other. Names go to Rich as
`Text`, because in a string it would read `[red]` as a colour and `:smile:` as an emoji.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from inputgrad_cli.cli.reporters.reporter_protocol import CommandEvent
from inputgrad_cli.cli.terminal_output import is_terminal, measure_stderr, write_stderr
from inputgrad_cli.errors import InputgradError, ItemError
from inputgrad_cli.option_choices import to_printable
from inputgrad_cli.runs.run_events import MAX_PREVIEWS, PREVIEW, Event, ItemEvent, Summary

if TYPE_CHECKING:  # Rich is imported only where it draws
    from rich.console import Console, RenderableType

COLUMNS, LINES = 40, 20  # of a picture, in cells
BAR_CELLS = 20
EIGHTHS = " ▏▎▍▌▋▊▉"  # of a cell, from the left
FULL, HALF = "█", "▀"
FOR, AGAINST = "#b2182b", "#2166ac"  # as in pictures: raises and lowers the score
MAX_NAME, MAX_VALUE = 24, 14  # columns, with which a table fits into 80
NO_COLOURS = "--preview: stderr is no terminal with colours, so nothing is shown"


class PreviewReporter:
    """Shows the first map of each of the first items, below the line of the item."""

    def __init__(self, has_colour: bool) -> None:
        self._console = _open_console() if has_colour else None
        self._shown: set[tuple[str, int | None]] = set()

    def report(self, event: CommandEvent) -> None:
        """Show one item, or say once that it cannot be shown."""
        if not isinstance(event, ItemEvent) or event.status != "ok":
            return
        sample = (event.fields["input"], event.fields["sample"])
        if sample in self._shown or len(self._shown) >= MAX_PREVIEWS:
            return
        if self._console is None and not self._shown:
            write_stderr(f"inputgrad: {NO_COLOURS}.")
        self._shown.add(sample)
        if self._console is None:
            return
        table, picture = event.fields.get(PREVIEW), event.fields.get("picture")
        if table:
            self._print(build_table(table))
        elif picture and (pixels := _read_pixels(picture)) is not None:
            self._print(build_blocks(pixels))

    def remember(self, event: Event) -> None:
        """Count an item that an earlier process of this call has already shown."""
        if isinstance(event, ItemEvent) and event.status == "ok":
            self._shown.add((event.fields["input"], event.fields["sample"]))

    def report_error(self, error: InputgradError, log: str, summary: Summary) -> None:
        """Show nothing, because another reporter prints the error."""

    def close(self) -> None:
        """Do nothing, because each item is flushed."""

    def _print(self, drawing: RenderableType) -> None:
        assert self._console is not None
        with self._console.capture() as capture:
            self._console.print(drawing, width=measure_stderr(), overflow="crop")
        write_stderr(capture.get().rstrip("\n"), verbatim=True)


def _open_console() -> Console | None:
    """Return what draws on stderr, None if that is no terminal with colours."""
    if not is_terminal(sys.stderr) or os.environ.get("NO_COLOR"):
        return None
    from rich.console import Console

    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    return None if console.color_system is None or console.no_color else console


def _read_pixels(path: str) -> Any:
    """Return the picture of an image (H, W, 3) in the size of a preview, None of any other.

    Of curves and numbers, as those of a series, nothing can be read in so few pixels.
    """
    from inputgrad_cli.rendering.thumbnails import is_image_picture, shrink_picture

    try:
        with open(path, "rb") as file:
            png = file.read()
        if not is_image_picture(png):
            return None
        return shrink_picture(png, min(COLUMNS, measure_stderr()), 2 * LINES)
    except (OSError, ValueError, ItemError):  # its name is shown readably, and may be another
        return None


def build_blocks(pixels: Any) -> RenderableType:
    """Return pixels (H, W, 3) as cells of the terminal, two of them in each."""
    from rich.segment import Segment, Segments
    from rich.style import Style

    segments = []
    for top in range(0, len(pixels), 2):
        for column in range(pixels.shape[1]):
            upper = _to_hex(pixels[top, column])
            lower = _to_hex(pixels[top + 1, column]) if top + 1 < len(pixels) else None
            segments.append(Segment(HALF, Style(color=upper, bgcolor=lower)))
        segments.append(Segment.line())
    return Segments(segments)


def _to_hex(colour: Any) -> str:
    red, green, blue = (int(level) for level in colour)
    return f"#{red:02x}{green:02x}{blue:02x}"


def build_table(preview: Any) -> RenderableType:
    """Return the columns of a row, or the tokens of a text, with bars of their attributions."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from inputgrad_cli.rendering.label_formatting import cut_middle, format_number

    rows, is_row = preview["rows"], preview["is_row"]
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("feature" if is_row else "token", no_wrap=True)
    if is_row:
        table.add_column("value", justify="right", no_wrap=True)
    table.add_column("attribution", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, width=BAR_CELLS + 2)
    limit = max((abs(value) for *_, value in rows if _is_finite(value)), default=0.0)
    for name, text, value in rows:
        cells = [Text(cut_middle(to_printable(name), MAX_NAME))]
        cells += [Text(cut_middle(to_printable(text), MAX_VALUE))] if is_row else []
        cells += [Text(format_number(value, signed=True)), build_bar(value, limit)]
        table.add_row(*cells)
    others = preview["others"]
    return Group(table, Text(others, style="dim")) if others else table


def build_bar(value: float, limit: float) -> Any:
    """Return a bar of at most `BAR_CELLS` cells after its sign, which is read without colours."""
    from rich.text import Text

    if not _is_finite(value) or not value or not limit:
        return Text("")
    eighths = max(1, round(8 * BAR_CELLS * abs(value) / limit))
    bar = FULL * (eighths // 8) + EIGHTHS[eighths % 8].strip()
    sign = "+" if value > 0 else "\u2212"
    return Text(f"{sign} {bar}", style=FOR if value > 0 else AGAINST)


def _is_finite(value: float) -> bool:
    return abs(value) < float("inf")  # false for NaN too

"""Formats pages of text: aligned columns, wrapped to the width of the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from inputgrad_cli.cli.terminal_output import UNLIMITED_WIDTH, wrap_text
from inputgrad_cli.option_choices import to_printable

MIN_LAST_COLUMN = 24  # columns: a narrower last column is wrapped at the left margin instead

Section = tuple[str, Sequence[Sequence[str]]]  # a title and rows


def align_columns(rows: Sequence[Sequence[str]], width: int = UNLIMITED_WIDTH) -> list[str]:
    """Return lines with aligned columns, free of control characters.

    The last column is wrapped between words if it would be wider than the page.
    """
    rows = [[to_printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    start = sum(widths) + 2 * len(widths)
    indent = " " * (start if width - start >= MIN_LAST_COLUMN else 4)
    lines: list[str] = []
    for row in rows:
        cells = [*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[-1]]
        lines += wrap_text("  ".join(cells).rstrip(), width, indent).split("\n")
    return lines


def format_section(content: Section, width: int) -> list[str]:
    """Return the lines of a section; an empty list if it has no rows."""
    title, rows = content
    if not rows:
        return []
    return [*([title] if title else []), *(f"  {line}" for line in align_columns(rows, width - 2))]

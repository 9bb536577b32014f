"""Pages of text for people: columns under one another, as wide as the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from inputgrad_cli.choices import printable
from inputgrad_cli.cli.terminal import ANY, wrapped

NARROW = 24  # columns: a last column that had fewer is broken far to the left instead

Section = tuple[str, Sequence[Sequence[str]]]  # a title and rows


def aligned(rows: Sequence[Sequence[str]], width: int = ANY) -> list[str]:
    """Return lines whose columns stand under one another, safe to show.

    The last column is broken between words where it would be wider than the page.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    start = sum(widths) + 2 * len(widths)
    indent = " " * (start if width - start >= NARROW else 4)
    lines: list[str] = []
    for row in rows:
        cells = [*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[-1]]
        lines += wrapped("  ".join(cells).rstrip(), width, indent).split("\n")
    return lines


def section(part: Section, width: int) -> list[str]:
    """Return the lines of a section, nothing where it has no rows."""
    title, rows = part
    if not rows:
        return []
    return [*([title] if title else []), *(f"  {line}" for line in aligned(rows, width - 2))]

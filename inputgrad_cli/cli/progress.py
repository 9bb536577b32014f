"""A progress bar on stderr, on a terminal only."""

from __future__ import annotations

import sys
from typing import Any

import click


class Bar:
    """Shown once a run takes longer than a moment; knows how to let a line pass above it."""

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted and sys.stderr is not None and sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None

    def move(self, done: int, total: int) -> None:
        """Show that `done` of `total` items are through."""
        if not self._wanted or total < 2:
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("items", total=total)
            self._bar.start()
        self._bar.update(self._task, completed=done)

    def above(self, text: str) -> None:
        """Write a line to stderr without tearing the bar."""
        if self._bar is None:
            click.echo(text, err=True)
        else:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

"""Errors in words, and their exit codes."""

from __future__ import annotations

import click

from inputgrad_cli.errors import (
    BusyError,
    EmptyError,
    GrammarError,
    InputgradError,
    ItemError,
    ModelError,
    StorageError,
    UsageError,
)
from inputgrad_cli.words import printable

CODES: tuple[tuple[type[InputgradError], int], ...] = (
    (UsageError, 2),
    (ItemError, 3),
    (ModelError, 4),
    (EmptyError, 5),
    (StorageError, 74),
    (BusyError, 75),
)


def exit_code(error: InputgradError) -> int:
    """Return the exit code of the contract."""
    return next((code for kind, code in CODES if isinstance(error, kind)), 70)


def tell(error: InputgradError) -> None:
    """Write an error to stderr: one sentence, and a mark under the word that is wrong."""
    click.echo(f"inputgrad: {printable(error.sentence())}", err=True)
    if isinstance(error, GrammarError) and error.text.isprintable() and error.marked:
        click.echo(f"  {error.text}", err=True)
        click.echo("  " + " " * error.at + "^" * (error.end - error.at), err=True)

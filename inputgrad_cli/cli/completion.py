"""What a shell offers to complete. A key press cannot wait for NumPy, let alone TensorFlow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem

import inputgrad_cli
from inputgrad_cli.words import TARGETS

PACKAGE = Path(inputgrad_cli.__file__).parent
NAME = re.compile(r'^    name = "([^"]+)"$', re.M)

Items = list[CompletionItem]


def methods(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Return the methods whose names begin so."""
    found = (name for path in (PACKAGE / "methods").glob("*.py") for name in _names(path))
    return _begun(incomplete, sorted(found))


def baselines(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Return the baselines whose names begin so."""
    return _begun(incomplete, _names(PACKAGE / "baseline.py"))


def targets(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Return the fixed words of targets that begin so."""
    return _begun(incomplete, TARGETS)


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Return the word for "the shell's own file names"."""
    return [CompletionItem(incomplete, type="file")]


def _names(path: Path) -> Iterator[str]:
    """Yield the names that a module registers, read from its source: nothing is imported."""
    return (found[1] for found in NAME.finditer(path.read_text("utf-8")))


def _begun(incomplete: str, words: Iterator[str] | list[str] | tuple[str, ...]) -> Items:
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]

"""Chooses the reporters that the options of a call ask for."""

from __future__ import annotations

from pathlib import Path

from inputgrad_cli.cli.reporters.json import JsonReporter
from inputgrad_cli.cli.reporters.reporter_protocol import Reporters
from inputgrad_cli.cli.reporters.text import TextReporter


def choose_reporters(as_json: bool, quiet: bool = False, verbose: bool = False) -> Reporters:
    """Return the reporters of a command; with JSON on stdout, text goes to stderr alone."""
    text = TextReporter(quiet=quiet, verbose=verbose, beside_json=as_json)
    return Reporters(JsonReporter(), text) if as_json else Reporters(text)


def add_preview(reporters: Reporters, shows_preview: bool, has_colour: bool) -> None:
    """Also show the first maps on the terminal, if that is asked for and the terminal can."""
    if shows_preview:
        from inputgrad_cli.cli.reporters.preview import PreviewReporter

        reporters.add_last(PreviewReporter(has_colour))


def add_junit(reporters: Reporters, path: Path | None, strict: bool) -> None:
    """Also report to a JUnit file if a path is given; UsageError.

    It comes first, so that a file that cannot be written is an error before the summary is sent.
    """
    if path:
        from inputgrad_cli.cli.reporters.junit import JunitReporter

        reporters.add_first(JunitReporter(path, strict))

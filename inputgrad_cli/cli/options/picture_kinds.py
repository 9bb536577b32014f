"""The values of `--picture`: the registered kinds of pictures, and `none`."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import click

import inputgrad_cli

DEFAULT = "overlay"
RENDERING_FOLDER = Path(inputgrad_cli.__file__).parent / "rendering"
DECORATOR = "@pictures.register\n"  # not that of pictures of searches, which no option names
# The lines with which the class of a kind of picture sets its name and its help.
KIND_PATTERN = re.compile(r'^    name = "([^"]+)"\n    help = "([^"]+)"$', re.M)


@cache
def read_picture_kinds() -> dict[str, str]:
    """Return the kinds of pictures with their help, the default first.

    They are read from the source files, because importing those imports NumPy, and `--help` must
    not wait for it.
    """
    texts = [path.read_text("utf-8") for path in RENDERING_FOLDER.rglob("*.py")]
    texts = [text for text in texts if DECORATOR in text]
    kinds = {kind[1]: kind[2] for text in texts for kind in KIND_PATTERN.finditer(text)}
    return {name: kinds[name] for name in sorted(kinds, key=lambda name: (name != DEFAULT, name))}


def format_kinds_help() -> str:
    """Return the help of `--picture`: what each kind shows."""
    return "; ".join(f"{name}: {text}" for name, text in read_picture_kinds().items()) + "."


class PictureKindType(click.Choice[str]):
    """A kind of picture, or `none`; a kind that other code registered is accepted as well."""

    def __init__(self) -> None:
        super().__init__([*read_picture_kinds(), "none"])

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Return the kind as written."""
        if value not in self.choices:
            from inputgrad_cli.rendering import pictures  # not imported by --help

            if value in pictures.list_names():
                return str(value)
        return super().convert(value, param, ctx)

"""What became of a picture that was drawn again."""

from __future__ import annotations

from dataclasses import dataclass

from inputgrad_cli.errors import ItemError


@dataclass(frozen=True)
class RedrawnPicture:
    """A redrawn picture, or the error; `blank` is the reason why it has no background, if any."""

    stem: str
    name: str | None
    error: ItemError | None = None
    blank: str = ""

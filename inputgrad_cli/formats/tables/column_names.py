"""Holds the names of the columns of a table, and finds a column by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inputgrad_cli.errors import ItemError
from inputgrad_cli.spelling_suggestions import format_question, suggest

# difflib ratio, 0 to 1. A similar name decides which input a column feeds, so it must be closer
# to the name than a name in a question needs to be.
MIN_SIMILARITY = 0.75
MAX_LISTED = 12  # columns that a message lists; further ones are counted


@dataclass(frozen=True)
class Heading:
    """The names of the columns of a table, if it has any, and which columns hold numbers.

    `where` is the file. `columns` are the columns requested by name. Columns that hold something
    else than numbers are `textual`.
    """

    where: str
    names: tuple[str, ...]
    numeric: tuple[bool, ...]
    columns: tuple[str, ...] = ()
    textual: tuple[bool, ...] = ()

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return len(self.numeric)

    def get_name(self, index: int) -> str:
        """Return the name of a column, or its number from 1 if the table has no header."""
        return self.names[index] if self.names else str(index + 1)

    def format_names(self) -> str:
        """Return the names of the columns for a message."""
        names = [self.get_name(index) or "(without a name)" for index in range(self.width)]
        if len(names) <= MAX_LISTED:
            return ", ".join(names)
        return f"{', '.join(names[:MAX_LISTED])} and {len(names) - MAX_LISTED} more"

    def find_column(self, name: str) -> int:
        """Return the index of the column `name`. Raises ItemError unless there is exactly one."""
        names = [self.get_name(index) for index in range(self.width)]
        if names.count(name) == 1:
            return names.index(name)
        if name in names:
            raise ItemError(f"{self.where}: several columns are called {name!r}", kind="shape")
        similar = find_similar_name(name, names)
        raise ItemError(
            f"{self.where}: no column is called {name!r}",
            reason=f"the columns are {self.format_names()}",
            hint=format_question([similar] if similar else []),
            kind="shape",
        )


def find_similar_name(name: str, names: Sequence[str]) -> str | None:
    """Return the most similar of `names`, without regard to case and punctuation, or None."""
    return next(iter(suggest(name, names, min_similarity=MIN_SIMILARITY)), None)

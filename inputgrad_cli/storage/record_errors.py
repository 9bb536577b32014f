"""Records that cannot be used: `verify` lists them, and other commands end with an error."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inputgrad_cli.errors import UsageError


@dataclass(frozen=True)
class InvalidRecord:
    """A record that cannot be used: its file, with the line number in a journal, and the reason."""

    location: str
    message: str

    def to_usage_error(self, out: Path, hint: str) -> UsageError:
        """Return the error of a command that needs the record; `hint` says what the user can do."""
        return UsageError(f"{out / self.location}: {self.message}", hint=hint)

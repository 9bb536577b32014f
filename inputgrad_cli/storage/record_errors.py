"""What is wrong with a record of a run, as `verify` lists it and as the others refuse it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inputgrad_cli.errors import UsageError


@dataclass(frozen=True)
class WrongRecord:
    """A record that cannot be used: its file below the run's directory, with the line, and why."""

    where: str
    message: str

    def error(self, out: Path, mend: str) -> UsageError:
        """Return the error that ends a command which relies on the record."""
        return UsageError(f"{out / self.where}: {self.message}", mend=mend)

"""A target for each item, from a table (`--target file:PATH`)."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.formats.files import read_bytes

FILE = "file:"
ONE_MAP = r"^(?!file:)(?!(.*/)?(top:|all$)).+"  # neither a file again, nor several maps


class TargetFile:
    """The rows `input,target` of a `.csv`; an item of many samples has a row for each, in order."""

    def __init__(self, text: str) -> None:
        self.path = Path(text.removeprefix(FILE))
        self.named: dict[str, list[str]] = {}
        self._samples: dict[str, list[str]] = {}
        try:
            lines = read_bytes(self.path).decode("utf-8-sig").splitlines()
        except (ItemError, UnicodeDecodeError) as error:
            raise UsageError(f"--target {text}: cannot be read", reason=str(error)) from None
        rows = csv.DictReader(lines)
        if not {"input", "target"} <= set(rows.fieldnames or ()):
            raise UsageError(f"--target {text}: its columns must be input,target")
        for row in rows:
            target = (row["target"] or "").strip()
            if None in row:
                raise UsageError(
                    f"--target {text}: the row of {row['input']} has more than two cells",
                    mend='put a target with a comma in quotes, as in "margin:1,2"',
                )
            if not re.search(ONE_MAP, target):
                raise UsageError(f"--target {text}: {target!r} of {row['input']} is not one map")
            self.named.setdefault(row["input"], []).append(target)
            if sample := re.fullmatch(r"(.*)#\d+", row["input"], re.S):
                self._samples.setdefault(sample[1], []).append(f"{row['input']} {target}")

    def texts(self) -> list[str]:
        """Return every target in the file."""
        return [target for targets in self.named.values() for target in targets]

    def written(self, name: str) -> list[str]:
        """Return what the file says of an item and of its samples."""
        return [*self.named.get(name, []), *self._samples.get(name, [])]

    def of(self, name: str, samples: int) -> list[str]:
        """Return the target of each sample of an item; one row serves all of them."""
        rows = [self.named.get(f"{name}#{number}", [""])[0] for number in range(samples)]
        found = rows if all(rows) else self.named.get(name, [])
        if len(found) == 1:
            return found * samples
        if len(found) != samples:
            raise ItemError(
                f"{name}: {len(found)} targets in {self.path} for {samples} samples",
                mend="give a row input,target for it",
                kind="target",
            )
        return found

"""A target for each item, from a table (`--target file:PATH`)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from inputgrad_cli.data.target_text import Target, parse
from inputgrad_cli.errors import GrammarError, ItemError, UsageError
from inputgrad_cli.formats.files import read_bytes, reason_of


class TargetFile:
    """The rows `input,target` of a `.csv`; an item of many samples has a row for each, in order.

    `outputs` are the names of the model's outputs, where they are known.
    """

    def __init__(self, asked: Target, outputs: Sequence[str] = ()) -> None:
        self.path = Path(asked.path)
        self._option, self._outputs = f"--target {asked.asked}", outputs
        self.named: dict[str, list[Target]] = {}
        self._samples: dict[str, list[str]] = {}
        try:
            text = read_bytes(self.path).decode("utf-8-sig")
        except (ItemError, UnicodeDecodeError) as error:
            reason = reason_of(error, self.path)
            raise UsageError(f"{self._option}: cannot be read", reason=reason) from None
        rows = csv.DictReader(io.StringIO(text, newline=""))
        if not {"input", "target"} <= set(rows.fieldnames or ()):
            raise UsageError(f"{self._option}: its columns must be input,target")
        for row in rows:
            if None in row:
                raise UsageError(
                    f"{self._option}: the row of {row['input']} has more than two cells",
                    mend='put a target with a comma in quotes, as in "margin:1,2"',
                )
            self.named.setdefault(row["input"], []).append(self._target(row))
            if sample := re.fullmatch(r"(.*)#[0-9]+", row["input"], re.S):
                self._samples.setdefault(sample[1], []).append(row["input"])

    def _target(self, row: Mapping[str, str | None]) -> Target:
        text = (row["target"] or "").strip()
        try:
            target = parse(text, self._outputs)
        except GrammarError as error:
            reason = f"{error.what}"
            raise UsageError(
                f"{self._option}: {text!r} of {row['input']} is no target",
                reason=reason,
                mend=error.mend,
            ) from None
        if not target.is_one_map:
            raise UsageError(f"{self._option}: {text!r} of {row['input']} is not one map")
        return target.maps()[0]

    def targets(self) -> list[Target]:
        """Return every target in the file."""
        return [target for targets in self.named.values() for target in targets]

    def rows(self, name: str) -> dict[str, Target]:
        """Return what the file says of an item and of its samples, by row."""
        inputs = [name, *self._samples.get(name, ())]
        every = [(row, target) for row in inputs for target in self.named.get(row, ())]
        return {f"{number} {row}": target for number, (row, target) in enumerate(every)}

    def of(self, name: str, samples: int) -> list[Target]:
        """Return the target of each sample of an item; one row serves all of them."""
        rows = [self.named.get(f"{name}#{number}", [])[:1] for number in range(samples)]
        found = [row[0] for row in rows] if all(rows) else self.named.get(name, [])
        if len(found) == 1:
            return found * samples
        if len(found) != samples:
            raise ItemError(
                f"{name}: {len(found)} targets in {self.path} for {samples} samples",
                mend="give a row input,target for it",
                kind="target",
            )
        return found

"""Reads a target for each item from a table (`--target file:PATH`)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.errors import GrammarError, ItemError, UsageError
from inputgrad_cli.formats.bounded_file_reading import format_reason, read_bytes


class TargetFile:
    """The rows `input,target` of a `.csv`; an item of many samples has one row each, in order.

    `outputs` are the names of the model's outputs, if they are known.
    """

    def __init__(self, target: Target, outputs: Sequence[str] = ()) -> None:
        self.path = Path(target.path)
        self._option, self._outputs = f"--target {target.text}", outputs
        self.targets_by_name: dict[str, list[Target]] = {}
        self._samples: dict[str, list[str]] = {}
        try:
            text = read_bytes(self.path).decode("utf-8-sig")  # a byte order mark is ignored
        except (ItemError, UnicodeDecodeError) as error:
            reason = format_reason(error, self.path)
            raise UsageError(f"{self._option}: cannot be read", reason=reason) from None
        rows = csv.DictReader(io.StringIO(text, newline=""))
        if not {"input", "target"} <= set(rows.fieldnames or ()):
            raise UsageError(f"{self._option}: its columns must be input,target")
        for row in rows:
            if None in row:
                raise UsageError(
                    f"{self._option}: the row of {row['input']} has more than two cells",
                    hint='put a target with a comma in quotes, as in "margin:1,2"',
                )
            self.targets_by_name.setdefault(row["input"], []).append(self._parse_target(row))
            # `NAME#3` is the row of sample 3 of the item NAME.
            if sample := re.fullmatch(r"(.*)#[0-9]+", row["input"], re.S):
                self._samples.setdefault(sample[1], []).append(row["input"])

    def _parse_target(self, row: Mapping[str, str | None]) -> Target:
        text = (row["target"] or "").strip()
        try:
            target = parse_target(text, self._outputs)
        except GrammarError as error:
            reason = f"{error.message}"
            raise UsageError(
                f"{self._option}: {text!r} of {row['input']} is not a target",
                reason=reason,
                hint=error.hint,
            ) from None
        # The files of a run are named by the target of the call, so a row stands for one map.
        if not target.is_single_map:
            raise UsageError(f"{self._option}: {text!r} of {row['input']} is not one map")
        return target.split_ranks()[0]

    def list_targets(self) -> list[Target]:
        """Return every target in the file."""
        return [target for targets in self.targets_by_name.values() for target in targets]

    def list_rows(self, name: str) -> dict[str, Target]:
        """Return the targets of an item and of its samples, by row."""
        inputs = [name, *self._samples.get(name, ())]
        pairs = [(row, target) for row in inputs for target in self.targets_by_name.get(row, ())]
        # The index keeps rows of the same name apart, and in their order.
        return {f"{index} {row}": target for index, (row, target) in enumerate(pairs)}

    def get_targets(self, name: str, samples: int) -> list[Target]:
        """Return the target of each sample of an item; a single row applies to all of them."""
        rows = [self.targets_by_name.get(f"{name}#{index}", [])[:1] for index in range(samples)]
        targets = [row[0] for row in rows] if all(rows) else self.targets_by_name.get(name, [])
        if len(targets) == 1:
            return targets * samples
        if len(targets) != samples:
            raise ItemError(
                f"{name}: {len(targets)} targets in {self.path} for {samples} samples",
                hint="give a row input,target for it",
                kind="target",
            )
        return targets

"""The true values and the targets that single items have, apart from those of the whole run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.runs.inputs.target_file import TargetFile
from inputgrad_cli.runs.inputs.true_values import TrueValues


@dataclass(frozen=True)
class ItemAnnotations:
    """The true values of items, and the targets that single items have from a file.

    With `uses_labels` every target depends on the true values, not only losses.
    """

    true_values: TrueValues | None
    requested_targets: tuple[Target, ...]
    target_files: Mapping[Target, TargetFile]
    class_names: tuple[str, ...]
    masks: Mapping[str, Array]
    uses_labels: bool = False

    def get_truth(self, name: str, index: int, samples: int) -> Array | None:
        """Return the true values of an item, (samples, ...), None if none are given."""
        return self.true_values.get_values(name, index, samples) if self.true_values else None

    def get_targets(self, name: str, samples: int) -> tuple[tuple[Target, ...], ...] | None:
        """Return the targets of each sample, None if no file gives them."""
        if not self.target_files:
            return None
        columns = [
            self.target_files[target].get_targets(name, samples)
            if target in self.target_files
            else [target] * samples
            for target in self.requested_targets
        ]
        return tuple(zip(*columns, strict=True))

    def build_facts(self, name: str, index: int, target: Target) -> dict[str, object]:
        """Build the annotations that determine an item's arrays, for its fingerprint."""
        rows = (
            self.target_files[target].list_rows(name)
            if target in self.target_files
            else {"": target}
        )
        facts: dict[str, object] = {
            row: self._build_target_facts(row_target) for row, row_target in rows.items()
        }
        needs_truth = self.uses_labels or any(target.needs_truth for target in rows.values())
        if self.true_values and needs_truth:
            facts["truth"] = self.true_values.list_values(name, index)
        return facts

    def _build_target_facts(self, target: Target) -> list[object]:
        mask = self.masks.get(target.path)
        mask_hash = None if mask is None else hashlib.sha256(mask.tobytes()).hexdigest()
        classes = [word.to_identity(self.class_names) for word in target.classes]
        # With the class names, so that a corrected label file leaves no map under an old name.
        return [target.text, classes, mask_hash, self._list_class_names(target)]

    def _list_class_names(self, target: Target) -> Sequence[str]:
        """Return the class names that may appear in the record but not in the target's text."""
        if target.kind in ("auto", "top"):
            return self.class_names
        indices = [word.index for word in target.classes if target.kind == "class"]
        return [
            self.class_names[index]
            for index in indices
            if index is not None and index < len(self.class_names)
        ]

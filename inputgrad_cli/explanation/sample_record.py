"""What is recorded of each sample of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.data.signature import Head
from inputgrad_cli.data.target import PinnedTarget
from inputgrad_cli.errors import ItemError
from inputgrad_cli.interfaces.engine import FirstPass
from inputgrad_cli.interfaces.method import Case
from inputgrad_cli.numeric.arrays import Arrays

Record = dict[str, Any]
Row = Record | ItemError


@dataclass(frozen=True)
class Teller:
    """Tells the records of a batch: `names` are the public names of the engine's sites."""

    first: FirstPass
    labels: Sequence[str]
    names: Mapping[str, str]

    def records(self, case: Case, finding: Finding, head: Head) -> list[Record]:
        """Return a record for each sample of a case, its checks included."""
        rows = range(len(case))
        told = [self._record(case, finding, head, row) for row in rows]
        for row, record in zip(rows, told, strict=True):
            record["checks"] = {
                **health(finding.values, row),
                **_completeness(finding, row),
                **_standard_error(finding, row),
            }
        return told

    def _record(self, case: Case, finding: Finding, head: Head, row: int) -> Record:
        number = _class_number(case.target, row, head)
        base = finding.baseline_scores
        return {
            "asked": case.target.choice.asked,
            "index": case.target.unit(row),
            "output": head.name,
            "label": _label(number, self.labels, head),
            "class": number if head.is_binary else None,
            "space": case.target.choice.space,
            "score": None if case.scores is None else float(case.scores[row]),
            "baseline_score": None if base is None else float(base[row]),
            "probability": _probability(number, row, head, self.first),
            "facts": {**finding.facts, **self._copied(finding)},
            "disconnected": sorted(self.names.get(site, site) for site in finding.disconnected),
        }

    def _copied(self, finding: Finding) -> Record:
        names = sorted(self.names.get(site, site) for site in finding.copied)
        return {"copied": names} if names else {}


def merged(rows: Sequence[Row], group: str) -> Row:
    """Return the record of the target `all` of a sample: scores by class, the worst checks.

    Where the map of a class has failed, that is what is returned.
    """
    records = [row for row in rows if not isinstance(row, ItemError)]
    if error := next((row for row in rows if isinstance(row, ItemError)), None):
        return error
    checks = [record["checks"] for record in records]
    gaps = [c["completeness"] for c in checks if "completeness" in c]
    worst = max(gaps, key=lambda gap: gap["gap"], default=None)
    errors = [c["standard_error"] for c in checks if "standard_error" in c]
    errors.sort(key=lambda error: error["relative"])
    slopes = sorted((c["gradient"] for c in checks if "gradient" in c), key=lambda s: s["error"])
    return {
        **records[0],
        "asked": group,
        "index": None,
        "label": None,
        "probability": None,
        "score": None,
        "baseline_score": None,
        "scores": [record["score"] for record in records],
        "checks": {
            "finite": all(c["finite"] for c in checks),
            "zero": all(c["zero"] for c in checks),
            **{k: v for k, v in checks[0].items() if k == "zero_because"},
            **({"completeness": worst} if worst else {}),
            **({"standard_error": errors[-1]} if errors else {}),
            **({"gradient": slopes[-1]} if slopes else {}),
        },
    }


def health(values: Arrays, row: int) -> dict[str, bool]:
    """Return whether a sample's map is finite everywhere, and whether it is zero everywhere."""
    finite = all(bool(np.isfinite(array[row]).all()) for array in values.values())
    return {"finite": finite, "zero": not any(array[row].any() for array in values.values())}


def _completeness(finding: Finding, row: int) -> Record:
    if (c := finding.completeness) is None:
        return {}
    return {
        "completeness": {
            "sum": float(c.sum[row]),
            "difference": float(c.difference[row]),
            "gap": float(c.gap[row]),
            "steps": int(c.steps[row]),
            "ok": bool(c.ok[row]),
        }
    }


def _standard_error(finding: Finding, row: int) -> Record:
    if (e := finding.standard_error) is None:
        return {}
    return {
        "standard_error": {
            "mean": float(e.mean[row]),
            "relative": float(e.relative[row]),
            "samples": int(e.samples[row]),
        }
    }


def _class_number(target: PinnedTarget, row: int, head: Head) -> int | None:
    if target.index.shape[1] != 1 or head.classes is None:
        return None
    if head.is_binary:
        return 1 if target.signs[row, 0] > 0 else 0
    index = target.index[row, 0]
    return int(index[head.axis]) if len(index) else 0


def _label(number: int | None, labels: Sequence[str], head: Head) -> str | None:
    classes = 2 if head.is_binary else head.classes
    if number is not None and len(labels) == classes:
        return labels[number]
    return f"class {number}" if number is not None and head.is_binary else None


def _probability(number: int | None, row: int, head: Head, first: FirstPass) -> float | None:
    if number is None or head.activation not in ("softmax", "sigmoid") or not head.proved:
        return None
    output = first.outputs[head.name][row]
    if head.is_binary:
        p = float(np.ravel(output)[0])
        return p if number == 1 else 1.0 - p
    return float(output[head.class_index(number)])

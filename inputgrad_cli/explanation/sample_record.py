"""Builds the record of each sample of a batch: target, scores and checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inputgrad_cli.data.attribution import MethodResult
from inputgrad_cli.data.signature import OutputSpec
from inputgrad_cli.data.target import PinnedTarget
from inputgrad_cli.errors import ItemError
from inputgrad_cli.interfaces.engine import FirstPass
from inputgrad_cli.interfaces.method import Batch
from inputgrad_cli.numeric.arrays import Arrays

Record = dict[str, Any]
RecordOrError = Record | ItemError


@dataclass(frozen=True)
class RecordBuilder:
    """Builds the records of a batch; `names` maps the engine's sites to their public names."""

    first: FirstPass
    labels: Sequence[str]
    names: Mapping[str, str]

    def build_records(self, batch: Batch, result: MethodResult, output: OutputSpec) -> list[Record]:
        """Return a record for each sample of a batch, with its checks."""
        rows = range(len(batch))
        records = [self._build_record(batch, result, output, row) for row in rows]
        for row, record in zip(rows, records, strict=True):
            record["checks"] = {
                **check_values(result.values, row),
                **_build_completeness(result, row),
                **_build_standard_error(result, row),
            }
        return records

    def _build_record(
        self, batch: Batch, result: MethodResult, output: OutputSpec, row: int
    ) -> Record:
        class_index = _get_class_index(batch.target, row, output)
        baseline_scores = result.baseline_scores
        return {
            "asked": batch.target.resolved.text,
            "index": batch.target.get_unit_index(row),
            "output": output.name,
            "label": _get_label(class_index, self.labels, output),
            "class": class_index if output.is_binary else None,
            "space": batch.target.resolved.space,
            "score": None if batch.scores is None else float(batch.scores[row]),
            "baseline_score": None if baseline_scores is None else float(baseline_scores[row]),
            "probability": _get_probability(class_index, row, output, self.first),
            "facts": {**result.facts, **self._list_copied(result)},
            "disconnected": sorted(self.names.get(site, site) for site in result.disconnected),
        }

    def _list_copied(self, result: MethodResult) -> Record:
        names = sorted(self.names.get(site, site) for site in result.broadcast_sites)
        return {"copied": names} if names else {}


def merge_records(rows: Sequence[RecordOrError], group: str) -> RecordOrError:
    """Merge the records of all classes of a sample into one, for the target `all`.

    The record has the scores by class and the worst of the checks. If the map of a class has
    failed, its error is returned instead.
    """
    records = [row for row in rows if not isinstance(row, ItemError)]
    if error := next((row for row in rows if isinstance(row, ItemError)), None):
        return error
    checks = [record["checks"] for record in records]
    gaps = [c["completeness"] for c in checks if "completeness" in c]
    worst = max(gaps, key=lambda gap: gap["gap"], default=None)
    errors = [c["standard_error"] for c in checks if "standard_error" in c]
    errors.sort(key=lambda error: error["relative"])  # the worst is last
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


def check_values(values: Arrays, row: int) -> dict[str, bool]:
    """Check whether a sample's map is finite everywhere and whether it is zero everywhere."""
    finite = all(bool(np.isfinite(array[row]).all()) for array in values.values())
    return {"finite": finite, "zero": not any(array[row].any() for array in values.values())}


def _build_completeness(result: MethodResult, row: int) -> Record:
    if (c := result.completeness) is None:  # the method is not complete
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


def _build_standard_error(result: MethodResult, row: int) -> Record:
    if (e := result.standard_error) is None:  # the method draws nothing
        return {}
    return {
        "standard_error": {
            "mean": float(e.mean[row]),
            "relative": float(e.relative[row]),
            "samples": int(e.samples[row]),
        }
    }


def _get_class_index(target: PinnedTarget, row: int, output: OutputSpec) -> int | None:
    if target.index.shape[1] != 1 or output.class_count is None:
        return None
    if output.is_binary:
        return 1 if target.signs[row, 0] > 0 else 0  # class 0 has the unit's negative sign
    index = target.index[row, 0]
    return int(index[output.axis]) if len(index) else 0


def _get_label(class_index: int | None, labels: Sequence[str], output: OutputSpec) -> str | None:
    classes = 2 if output.is_binary else output.class_count
    if class_index is not None and len(labels) == classes:
        return labels[class_index]
    return f"class {class_index}" if class_index is not None and output.is_binary else None


def _get_probability(
    class_index: int | None, row: int, output: OutputSpec, first: FirstPass
) -> float | None:
    if (
        class_index is None
        or output.activation not in ("softmax", "sigmoid")
        or not output.logits_verified
    ):
        return None
    values = first.outputs[output.name][row]
    if output.is_binary:
        p = float(np.ravel(values)[0])
        return p if class_index == 1 else 1.0 - p
    return float(values[output.get_class_index(class_index)])

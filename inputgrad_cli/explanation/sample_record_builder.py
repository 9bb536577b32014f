"""Builds the record of each sample of a batch: target, scores and checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.data.attribution_results import Completeness, MethodResult, StandardError
from inputgrad_cli.data.map_record import SiteFacts
from inputgrad_cli.data.resolved_and_pinned_targets import PinnedTarget
from inputgrad_cli.data.sample_record import SampleRecord
from inputgrad_cli.data.signature import OutputSpec, has_pixel_classes
from inputgrad_cli.errors import ItemError
from inputgrad_cli.interfaces.engine import FirstPass
from inputgrad_cli.interfaces.method import Batch
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.schema.metadata_json import Checks, CompletenessCheck, StandardErrorCheck

RecordOrError = SampleRecord | ItemError
BINARY_THRESHOLD = 0.5  # of a probability, from which class 1 is predicted


@dataclass(frozen=True)
class RecordBuilder:
    """Builds the records of a batch; `names` maps the engine's sites to their public names.

    `shown_classes` is how many classes of largest probability each record has.
    """

    first: FirstPass
    labels: Sequence[str]
    names: Mapping[str, str]
    shown_classes: int = 0

    def build_records(
        self, batch: Batch, result: MethodResult, output: OutputSpec
    ) -> list[SampleRecord]:
        """Return a record for each sample of a batch, with its checks."""
        return [self._build_record(batch, result, output, row) for row in range(len(batch))]

    def _build_record(
        self, batch: Batch, result: MethodResult, output: OutputSpec, row: int
    ) -> SampleRecord:
        class_index = _get_class_index(batch.target, row, output)
        baseline_scores = result.baseline_scores
        return SampleRecord(
            asked=batch.target.resolved.text,
            index=batch.target.get_unit_index(row),
            output=output.name,
            label=_name_target(batch.target, class_index, self.labels, output),
            # Elsewhere the index of the unit says it.
            class_index=class_index if output.is_binary else None,
            space=batch.target.resolved.space,
            score=None if batch.scores is None else float(batch.scores[row]),
            baseline_score=None if baseline_scores is None else float(baseline_scores[row]),
            probability=_get_probability(class_index, row, output, self.first),
            prediction=_get_prediction(row, self.labels, output, self.first),
            top_classes=self._rank_classes(row, output) if self.shown_classes else (),
            checks=check_values(result, row),
        )

    def _rank_classes(self, row: int, output: OutputSpec) -> list[tuple[str, float]]:
        """Return the classes of largest probability, empty if the output has no probabilities."""
        probabilities = _get_probabilities(row, output, self.first)
        top = np.argsort(-probabilities, kind="stable")[: self.shown_classes]
        return [
            (_get_label(n, self.labels, output) or f"class {n}", float(probabilities[n]))
            for n in map(int, top)
        ]

    def build_site_facts(self, result: MethodResult, unexplained: Mapping[str, str]) -> SiteFacts:
        """Return what the records of all samples of a batch have in common."""
        copied = self._list_names(result.broadcast_sites)
        facts = {**result.facts, **({"copied": copied} if copied else {})}
        return SiteFacts(facts, tuple(self._list_names(result.disconnected)), unexplained)

    def _list_names(self, sites: Iterable[str]) -> list[str]:
        return sorted(self.names.get(site, site) for site in sites)


def merge_records(rows: Sequence[RecordOrError], group: str) -> RecordOrError:
    """Merge the records of all classes of a sample into one, for the target `all`.

    The record has the scores by class and the worst of the checks. If the map of a class has
    failed, its error is returned instead.
    """
    records = [row for row in rows if not isinstance(row, ItemError)]
    if error := next((row for row in rows if isinstance(row, ItemError)), None):
        return error
    return replace(
        records[0],
        asked=group,
        index=None,
        label=None,
        probability=None,
        score=None,
        baseline_score=None,
        scores=[record.score for record in records],
        checks=_merge_checks([record.checks for record in records]),
    )


def _merge_checks(checks: Sequence[Checks]) -> Checks:
    """Return the worst of the checks of all classes."""
    merged: Checks = {
        "finite": all(c["finite"] for c in checks),
        "zero": all(c["zero"] for c in checks),
    }
    # The map of one class may be zero while those of others are not.
    if merged["zero"] and "zero_because" in checks[0]:
        merged["zero_because"] = checks[0]["zero_because"]
    if gaps := [c["completeness"] for c in checks if "completeness" in c]:
        merged["completeness"] = max(gaps, key=lambda gap: gap["gap"])
    if errors := [c["standard_error"] for c in checks if "standard_error" in c]:
        merged["standard_error"] = sorted(errors, key=lambda error: error["relative"])[-1]
    if slopes := [c["gradient"] for c in checks if "gradient" in c]:
        merged["gradient"] = sorted(slopes, key=lambda slope: slope["error"])[-1]
    return merged


def check_values(result: MethodResult, row: int) -> Checks:
    """Return the checks of a sample's map: finite everywhere, zero everywhere, and its sums."""
    arrays = list(result.values.values())
    checks: Checks = {
        "finite": all(bool(np.isfinite(array[row]).all()) for array in arrays),
        "zero": not any(array[row].any() for array in arrays),
    }
    if result.completeness is not None:
        checks["completeness"] = _build_completeness(result.completeness, row)
    if result.standard_error is not None:  # the method draws at random
        checks["standard_error"] = _build_standard_error(result.standard_error, row)
    return checks


def _build_completeness(c: Completeness, row: int) -> CompletenessCheck:
    return {
        "sum": float(c.sum[row]),
        "difference": float(c.difference[row]),
        "gap": float(c.gap[row]),
        "steps": int(c.steps[row]),
        "ok": bool(c.ok[row]),
    }


def _build_standard_error(e: StandardError, row: int) -> StandardErrorCheck:
    return {
        "mean": float(e.mean[row]),
        "relative": float(e.relative[row]),
        "samples": int(e.samples[row]),
    }


def _get_class_index(target: PinnedTarget, row: int, output: OutputSpec) -> int | None:
    if target.index.shape[1] != 1 or output.class_count is None:
        return None
    if output.is_binary:
        return 1 if target.signs[row, 0] > 0 else 0  # class 0 has the unit's negative sign
    index = target.index[row, 0]
    return int(index[output.axis]) if len(index) else 0


def _name_target(
    target: PinnedTarget, class_index: int | None, labels: Sequence[str], output: OutputSpec
) -> str | None:
    """Return the name of the class that was explained; for a mask, of the class of its pixels."""
    if target.resolved.kind == "mask":
        has_names = has_pixel_classes(output.shape) and len(labels) == output.name_count
        return labels[target.resolved.rank] if has_names else None
    return _get_label(class_index, labels, output)


def _get_label(class_index: int | None, labels: Sequence[str], output: OutputSpec) -> str | None:
    classes = 2 if output.is_binary else output.class_count
    if class_index is not None and len(labels) == classes:
        return labels[class_index]
    return f"class {class_index}" if class_index is not None and output.is_binary else None


def _get_probability(
    class_index: int | None, row: int, output: OutputSpec, first: FirstPass
) -> float | None:
    if class_index is None or not _has_probabilities(output):
        return None
    values = first.outputs[output.name][row]
    if output.is_binary:
        p = float(np.ravel(values)[0])
        return p if class_index == 1 else 1.0 - p
    return float(values[output.get_class_index(class_index)])


def _has_probabilities(output: OutputSpec) -> bool:
    """Return whether the values of an output are proved to be probabilities."""
    # A softmax that no forward pass has proved may be something else.
    return output.activation in ("softmax", "sigmoid") and output.logits_verified


def _get_probabilities(row: int, output: OutputSpec, first: FirstPass) -> Array:
    """Return the probability of each class (K,), empty if the output gives none."""
    values = np.ravel(first.outputs[output.name][row]).astype(np.float64)
    if output.is_binary:
        values = np.array([1.0 - values[0], values[0]])
    elif values.size != output.class_count:
        values = values[:0]
    is_known = _has_probabilities(output) and bool(np.isfinite(values).all())
    return values if is_known else values[:0]


def _get_prediction(
    row: int, labels: Sequence[str], output: OutputSpec, first: FirstPass
) -> str | float | None:
    """Return the class that the model gives, or its only value; None if it gives neither."""
    values = np.ravel(first.outputs[output.name][row])
    if output.is_binary:
        return _get_label(int(values[0] >= BINARY_THRESHOLD), labels, output)
    if values.size == 1:
        return float(values[0])
    if output.class_count != values.size or np.isnan(values).any():
        return None
    # Which value is the largest is the same for logits and probabilities, so nothing is proved
    # here.
    top = int(values.argmax())
    return _get_label(top, labels, output) or f"class {top}"

"""Rejects maps that are no result: no derivative, values that are not finite, or wrong sums."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.errors import ItemError
from inputgrad_cli.explanation.sample_record_builder import RecordOrError
from inputgrad_cli.interfaces.method import Batch, Method
from inputgrad_cli.numeric.array_helpers import Arrays

MAX_GAP_FACTOR = 10  # times the tolerance; a larger gap is not due to rounding or coarse steps


def build_underivable_error(reasons: Mapping[str, str]) -> ItemError:
    """Build the error for inputs that the target depends on but has no derivative for.

    `reasons` maps each input to the reason.
    """
    names = ", ".join(repr(name) for name in reasons)
    return ItemError(
        f"the target has no derivative at {names or 'any input'}, though it may depend on it",
        reason="; ".join(dict.fromkeys(reasons.values())),
        hint="-m feature-ablation explains it by changing it; or differentiate at a layer behind "
        "it: --wrt layer:NAME",
        kind="disconnected",
    )


def drop_sites(result: MethodResult, sites: Collection[str]) -> MethodResult:
    """Return the result without the sites that cannot be explained."""
    values = {site: array for site, array in result.values.items() if site not in sites}
    disconnected = result.disconnected.difference(sites)
    return replace(result, values=values, disconnected=disconnected)


def fill_failed_with_nan(values: Arrays, rows: Sequence[RecordOrError]) -> Arrays:
    """Return values (B, ...) with the rows of failed samples set to NaN."""
    failed = [index for index, row in enumerate(rows) if isinstance(row, ItemError)]
    if not failed:
        return values
    filled = {site: np.array(array, np.float32) for site, array in values.items()}
    for array in filled.values():
        array[failed] = np.nan
    return filled


def find_fault(method: Method, batch: Batch, result: MethodResult, row: int) -> ItemError | None:
    """Return the error of a sample's map, or None if the map is valid.

    A map must be finite. If the method is complete, its sum may miss the score difference by at
    most ten times the tolerance.
    """
    check, baseline_scores = result.completeness, result.baseline_scores
    if baseline_scores is not None and not np.isfinite(baseline_scores[row]):
        return ItemError(
            f"{method.name}: the score at the baseline is {baseline_scores[row]}",
            reason="the model gives no finite value there, as when a mask or a count becomes zero",
            hint="choose another --baseline, or name the inputs that may change with --wrt",
            kind="nonfinite",
        )
    if lost_count := sum(
        int(np.count_nonzero(~np.isfinite(a[row]))) for a in result.values.values()
    ):
        total = sum(array[row].size for array in result.values.values())
        other = "another --baseline, or " if method.uses_baseline else ""
        return ItemError(
            f"{method.name}: {lost_count} of {total} values of the map are NaN or infinite",
            reason="the model or a rule divides by zero there, as a norm of zeros does",
            hint=f"choose {other}another method or --target",
            kind="nonfinite",
        )
    # Smaller gaps are only warned about; see `yield_map_warnings`.
    if check is None or check.gap[row] <= MAX_GAP_FACTOR * batch.tolerance:
        return None
    steps = int(check.steps[row])
    steps_text = f" after {steps} steps" if steps > 1 else ""
    return ItemError(
        f"{method.name}: attributions miss the score difference by {check.gap[row]:.2g} of it"
        f"{steps_text}, more than {MAX_GAP_FACTOR} times the tolerance",
        reason="the score jumps between baseline and input, or a rule does not apply there",
        hint=f"choose another --baseline or {'more steps, or ' if steps_text else ''}another "
        "method, such as kernel-shap, or raise --tolerance",
        kind="completeness",
    )

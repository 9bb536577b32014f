"""Maps that are no answer: inputs without derivative, values that are no numbers, wrong sums."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.errors import ItemError
from inputgrad_cli.explanation.sample_record import Row
from inputgrad_cli.interfaces.method import Case, Method
from inputgrad_cli.numeric.arrays import Arrays

FACTOR = 10  # times the tolerance: a sum that misses by more is no rounding and no coarse walk


def underivable(reasons: Mapping[str, str]) -> ItemError:
    """Return the error of inputs that a target depends on without a derivative, with reasons."""
    names = ", ".join(repr(name) for name in reasons)
    return ItemError(
        f"the target has no derivative at {names or 'any input'}, though it may depend on it",
        reason="; ".join(dict.fromkeys(reasons.values())),
        mend="-m feature-ablation explains it by changing it; or differentiate at a layer behind "
        "it: --wrt layer:NAME",
        kind="disconnected",
    )


def without(finding: Finding, sites: Collection[str]) -> Finding:
    """Return the finding without sites that cannot be explained."""
    values = {site: array for site, array in finding.values.items() if site not in sites}
    apart = finding.disconnected.difference(sites)
    return replace(finding, values=values, disconnected=apart)


def without_failed(values: Arrays, rows: Sequence[Row]) -> Arrays:
    """Return values (B, ...) with NaN for the samples that have failed."""
    failed = [number for number, row in enumerate(rows) if isinstance(row, ItemError)]
    if not failed:
        return values
    made = {site: np.array(array, np.float32) for site, array in values.items()}
    for array in made.values():
        array[failed] = np.nan
    return made


def fault(method: Method, case: Case, finding: Finding, row: int) -> ItemError | None:
    """Return why the map of a sample is no answer, None where it is one.

    It must be finite, and where its sum is promised miss it by ten times the tolerance at most.
    """
    check, base = finding.completeness, finding.baseline_scores
    if base is not None and not np.isfinite(base[row]):
        return ItemError(
            f"{method.name}: the score at the baseline is {base[row]}",
            reason="the model gives no number there; a mask or a count that becomes zero does that",
            mend="choose another --baseline, or name the inputs that shall move with --wrt",
            kind="nonfinite",
        )
    if lost := sum(int(np.count_nonzero(~np.isfinite(a[row]))) for a in finding.values.values()):
        total = sum(array[row].size for array in finding.values.values())
        other = "another --baseline, or " if method.uses_baseline else ""
        return ItemError(
            f"{method.name}: {lost} of {total} values of the map are NaN or infinite",
            reason="the model or a rule divides by zero there, as a norm of zeros does",
            mend=f"choose {other}another method or --target",
            kind="nonfinite",
        )
    if check is None or check.gap[row] <= FACTOR * case.tolerance:
        return None
    steps = int(check.steps[row])
    walked = f" after {steps} steps" if steps > 1 else ""
    return ItemError(
        f"{method.name}: attributions miss the score difference by {check.gap[row]:.2g} of it"
        f"{walked}, more than {FACTOR} times the tolerance",
        reason="on the way from the baseline the score jumps, or a rule has no meaning there",
        mend=f"choose another --baseline or {'more steps, or ' if walked else ''}another method, "
        "such as kernel-shap, or raise --tolerance",
        kind="completeness",
    )

"""Several baselines for one sample: the mean of what a method finds against each."""

from dataclasses import replace

import numpy as np

from inputgrad_cli.data.attribution import Finding, StandardError, completeness, sums
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case, Method
from inputgrad_cli.numeric.arrays import Arrays, Floats, count


def over_baselines(method: Method, engine: Engine, case: Case) -> Finding:
    """Return what `method` finds; with `case.references` the mean over all of them.

    Methods that draw from the references, or look at no baseline, are asked once. The mean of
    complete attributions sums to the score minus the mean baseline score, and is checked so.
    """
    if not case.references or not method.uses_baseline or method.needs == "dataset":
        return method.attribute(engine, case)
    total: dict[str, Floats] = {}
    found: list[Finding] = []
    for number in range(count(case.references)):
        one = method.attribute(engine, _against(case, number))
        for site, array in one.values.items():
            total[site] = total.get(site, 0.0) + array.astype(np.float64)
        found.append(replace(one, values={}))
    means = {site: array / len(found) for site, array in total.items()}
    return _mean(case, means, found)


def _against(case: Case, number: int) -> Case:
    baseline = dict(case.inputs)
    for site in case.sites:
        row = case.references[site][number]
        baseline[site] = np.ascontiguousarray(np.broadcast_to(row, case.inputs[site].shape))
    return replace(case, baseline=baseline, references={})


def _mean(case: Case, means: Arrays, found: list[Finding]) -> Finding:
    bases = [f.baseline_scores for f in found if f.baseline_scores is not None]
    base = np.asarray(np.mean(bases, axis=0, dtype=np.float64)) if bases else None
    checks = [f.completeness for f in found if f.completeness is not None]
    check = None
    if checks and base is not None:
        scores = np.asarray(np.mean([c.difference for c in checks], axis=0) + base)
        steps = np.sum([c.steps for c in checks], axis=0)
        check = completeness(sums(means), scores, base, steps, case.tolerance)
    errors = [f.standard_error for f in found if f.standard_error is not None]
    return Finding(
        {site: array.astype(np.float32) for site, array in means.items()},
        base,
        check,
        frozenset(means).intersection(*(f.disconnected for f in found)),
        _bound(errors),
        found[0].facts,
        found[0].copied,
    )


def _bound(errors: list[StandardError]) -> StandardError | None:
    """Return the mean error: the copies are the same for all baselines, so it is a bound."""
    if not errors:
        return None
    return StandardError(
        np.mean([e.mean for e in errors], axis=0),
        np.mean([e.relative for e in errors], axis=0),
        np.sum([e.samples for e in errors], axis=0),
    )

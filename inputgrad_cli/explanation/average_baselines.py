"""Averages the attributions of a sample over several baselines."""

from dataclasses import replace

import numpy as np

from inputgrad_cli.data.attribution_results import (
    MethodResult,
    StandardError,
    compute_completeness,
    sum_sites,
)
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch, Method
from inputgrad_cli.numeric.array_helpers import Arrays, Floats, count_rows


def average_over_baselines(method: Method, engine: Engine, batch: Batch) -> MethodResult:
    """Run `method`, once for each of `batch.references` if there are any, and return the mean.

    Methods that draw from the references themselves, or that use no baseline, run once. The mean
    of complete attributions sums to the score minus the mean baseline score; the completeness
    check uses that difference.
    """
    if not batch.references or not method.uses_baseline or method.needs == "dataset":
        return method.attribute(engine, batch)
    total: dict[str, Floats] = {}
    results: list[MethodResult] = []
    for index in range(count_rows(batch.references)):
        result = method.attribute(engine, _use_reference(batch, index))
        for site, array in result.values.items():  # summed in float64
            total[site] = total.get(site, 0.0) + array.astype(np.float64)
        results.append(replace(result, values={}))  # the values are in `total`
    means = {site: array / len(results) for site, array in total.items()}
    return _average_results(batch, means, results)


def _use_reference(batch: Batch, index: int) -> Batch:
    baseline = dict(batch.inputs)
    for site in batch.sites:
        row = batch.references[site][index]
        baseline[site] = np.ascontiguousarray(np.broadcast_to(row, batch.inputs[site].shape))
    return replace(batch, baseline=baseline, references={})


def _average_results(batch: Batch, means: Arrays, results: list[MethodResult]) -> MethodResult:
    baseline_scores = [f.baseline_scores for f in results if f.baseline_scores is not None]
    mean_baseline_score = (
        np.asarray(np.mean(baseline_scores, axis=0, dtype=np.float64)) if baseline_scores else None
    )
    checks = [f.completeness for f in results if f.completeness is not None]
    check = None
    if checks and mean_baseline_score is not None:
        scores = np.asarray(np.mean([c.difference for c in checks], axis=0) + mean_baseline_score)
        # What a sample has cost: each baseline had steps of its own.
        steps = np.sum([c.steps for c in checks], axis=0)
        check = compute_completeness(
            sum_sites(means), scores, mean_baseline_score, steps, batch.tolerance
        )
    errors = [f.standard_error for f in results if f.standard_error is not None]
    return MethodResult(
        {site: array.astype(np.float32) for site, array in means.items()},
        mean_baseline_score,
        check,
        frozenset(means).intersection(*(f.disconnected for f in results)),
        _average_errors(errors),
        # These describe the method at work, and so do not depend on the baseline.
        results[0].facts,
        results[0].broadcast_sites,
    )


def _average_errors(errors: list[StandardError]) -> StandardError | None:
    """Average the standard errors.

    The mean is an upper bound, because the same noise is used for all baselines.
    """
    if not errors:
        return None
    return StandardError(
        np.mean([e.mean for e in errors], axis=0),
        np.mean([e.relative for e in errors], axis=0),
        np.sum([e.samples for e in errors], axis=0),
    )

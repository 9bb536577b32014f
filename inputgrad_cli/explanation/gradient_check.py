"""Gradients held against the slopes of the scores themselves, by finite differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case
from inputgrad_cli.numeric.arrays import Array, Arrays, across
from inputgrad_cli.numeric.random_streams import normal, spread

# Shares of an input's range. Float32 scores drown a short step, and kinks bend a long one: the
# best of a few is the slope.
STEPS = (1e-2, 1e-3, 1e-4, 1e-5)
EPSILON = float(np.finfo(np.float32).eps)
ALLOWED = 0.05  # a wrong gradient is wrong by a factor, or by a sign


@dataclass(frozen=True)
class GradientCheck:
    """The slope along one direction by gradient and by differences of scores; each is (B,).

    error = |slope - difference| / |slope|, at the step that agrees best; it is within 5 %, or
    hidden by the rounding of the scores, where the check is `ok`.
    """

    slope: NDArray[np.float64]
    difference: NDArray[np.float64]
    error: NDArray[np.float64]
    ok: NDArray[np.bool_]

    def record(self, row: int) -> dict[str, Any]:
        """Return the check of one sample, for its record."""
        return {
            "slope": float(self.slope[row]),
            "difference": float(self.difference[row]),
            "error": float(self.error[row]),
            "ok": bool(self.ok[row]),
        }


def check_gradient(engine: Engine, case: Case) -> GradientCheck:
    """Return the check of every sample, along a direction that is half gradient and half chance.

    Along chance alone a map of many values hardly moves the score; along the gradient alone an
    error across it would stay hidden.
    """
    slopes = engine.gradients(case.inputs, case.target, case.sites).values
    ways = _ways(case, slopes)
    slope = _total([slopes[site] * ways[site] for site in case.sites])
    best = np.full(len(case), np.inf)
    difference = np.zeros(len(case))
    hidden = np.zeros(len(case), bool)
    for step in STEPS:
        ends = [_moved(engine, case, ways, sign * step) for sign in (1, -1)]
        found = (ends[0] - ends[1]) / (2 * step)
        if step == STEPS[0]:  # where rounding hides even a long step, there is nothing to compare
            rounding = 4 * EPSILON * np.maximum(np.abs(ends[0]), np.abs(ends[1])) / step
            hidden = np.abs(found - slope) <= rounding
        better = np.abs(found - slope) < best
        best = np.where(better, np.abs(found - slope), best)
        difference = np.where(better, found, difference)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.where(best == 0, 0.0, best / np.abs(slope))
    return GradientCheck(slope, difference, error, (error <= ALLOWED) | hidden)


def _ways(case: Case, slopes: Arrays) -> dict[str, Array]:
    """Return a direction by site, as long as its own range is wide."""
    ways = {}
    for site in case.sites:
        here = case.inputs[site]
        chance = np.stack([normal(key, f"check {site}", 0, here.shape[1:]) for key in case.keys])
        range_ = spread(here)
        wide = np.where(
            range_ > 0, range_, np.maximum(np.abs(here).reshape(len(here), -1).max(1), 1)
        )
        ways[site] = across(wide, here) * (_unit(slopes[site]) + _unit(chance))
    return ways


def _unit(array: Array) -> Array:
    """Return the array of each sample over its root mean square; nothing stays nothing."""
    size = np.sqrt(np.square(array, dtype=np.float64).reshape(len(array), -1).mean(axis=1))
    return np.asarray(array / across(np.where(size > 0, size, 1.0), array))


def _total(parts: Sequence[Array]) -> Array:
    sums = [part.reshape(len(part), -1).sum(axis=1, dtype=np.float64) for part in parts]
    return np.asarray(np.sum(sums, axis=0))


def _moved(engine: Engine, case: Case, ways: Arrays, step: float) -> Array:
    points = {s: np.asarray(case.inputs[s] + step * ways[s], np.float32) for s in case.sites}
    scores = engine.scores({**case.inputs, **points}, case.target)
    return np.asarray(scores, np.float64)

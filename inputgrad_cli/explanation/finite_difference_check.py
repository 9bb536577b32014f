"""Checks gradients against finite differences of the scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch
from inputgrad_cli.numeric.array_helpers import Array, Arrays, expand_like
from inputgrad_cli.numeric.random_streams import compute_range, draw_normal
from inputgrad_cli.schema.metadata_json import GradientCheck as CheckRecord

# Step lengths as shares of an input's range. Rounding of float32 scores hides short steps and
# kinks distort long ones, so the step that agrees best is used.
STEP_SHARES = (1e-2, 1e-3, 1e-4, 1e-5)
FLOAT32_EPSILON = float(np.finfo(np.float32).eps)
MAX_RELATIVE_ERROR = 0.05  # wrong gradients differ by a factor or a sign, which is far more


@dataclass(frozen=True)
class GradientCheck:
    """The slope along one direction by gradient and by differences of scores; each is (B,).

    error = |slope - difference| / |slope|, at the step that agrees best. The check is `ok` if the
    error is within 5 %, or if rounding of the scores hides it.
    """

    slope: NDArray[np.float64]
    difference: NDArray[np.float64]
    error: NDArray[np.float64]
    ok: NDArray[np.bool_]

    def to_json(self, row: int) -> CheckRecord:
        """Return the check of one sample, for its record."""
        return {
            "slope": float(self.slope[row]),
            "difference": float(self.difference[row]),
            "error": float(self.error[row]),
            "ok": bool(self.ok[row]),
        }


def check_gradient(engine: Engine, batch: Batch) -> GradientCheck:
    """Check the gradient of every sample along a direction: half gradient, half random.

    A random direction alone hardly changes the score if the map has many values. The gradient
    direction alone would hide errors orthogonal to it.
    """
    slopes = batch.compute_clean_gradients(engine).values
    directions = _choose_directions(batch, slopes)
    slope = _sum_samples([slopes[site] * directions[site] for site in batch.sites])
    best = np.full(len(batch), np.inf)
    difference = np.zeros(len(batch))
    is_hidden = np.zeros(len(batch), bool)
    # Central differences, whose error falls with the square of the step.
    for step in STEP_SHARES:
        ends = [_compute_scores_at(engine, batch, directions, sign * step) for sign in (1, -1)]
        slope_at_step = (ends[0] - ends[1]) / (2 * step)
        # If rounding hides the longest step, nothing can be compared. Each score may be wrong by
        # four units in its last place, because the layers before it round as well.
        if step == STEP_SHARES[0]:
            rounding = 4 * FLOAT32_EPSILON * np.maximum(np.abs(ends[0]), np.abs(ends[1])) / step
            is_hidden = np.abs(slope_at_step - slope) <= rounding
        is_better = np.abs(slope_at_step - slope) < best
        best = np.where(is_better, np.abs(slope_at_step - slope), best)
        difference = np.where(is_better, slope_at_step, difference)
    with np.errstate(divide="ignore", invalid="ignore"):
        # A slope of zero that the differences confirm has no error, not one of 0/0.
        error = np.where(best == 0, 0.0, best / np.abs(slope))
    return GradientCheck(slope, difference, error, (error <= MAX_RELATIVE_ERROR) | is_hidden)


def _choose_directions(batch: Batch, slopes: Arrays) -> dict[str, Array]:
    """Return a direction by site, scaled to the range of the values there."""
    directions = {}
    for site in batch.sites:
        values = batch.inputs[site]
        # The name of the check gives it draws of its own, apart from those of a method.
        random = np.stack(
            [draw_normal(key, f"check {site}", 0, values.shape[1:]) for key in batch.seeds]
        )
        value_range = compute_range(values)
        # Where all values are equal there is no range; their size, or 1, takes its place.
        scale = np.where(
            value_range > 0,
            value_range,
            np.maximum(np.abs(values).reshape(len(values), -1).max(1), 1),
        )
        directions[site] = expand_like(scale, values) * (
            _scale_to_unit(slopes[site]) + _scale_to_unit(random)
        )
    return directions


def _scale_to_unit(array: Array) -> Array:
    """Divide the array of each sample by its root mean square; zeros stay zeros."""
    rms = np.sqrt(np.square(array, dtype=np.float64).reshape(len(array), -1).mean(axis=1))
    return np.asarray(array / expand_like(np.where(rms > 0, rms, 1.0), array))


def _sum_samples(parts: Sequence[Array]) -> Array:
    sums = [part.reshape(len(part), -1).sum(axis=1, dtype=np.float64) for part in parts]
    return np.asarray(np.sum(sums, axis=0))


def _compute_scores_at(engine: Engine, batch: Batch, directions: Arrays, step: float) -> Array:
    points = {
        site: np.asarray(batch.inputs[site] + step * directions[site], np.float32)
        for site in batch.sites
    }
    scores = engine.compute_scores({**batch.inputs, **points}, batch.target)
    return np.asarray(scores, np.float64)

"""Gradients integrated along a path that avoids directions with large gradients."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch, Method, methods
from inputgrad_cli.methods.path._refine import PathResult, refine_steps
from inputgrad_cli.numeric.array_helpers import Array, Floats
from inputgrad_cli.registry import declare_parameter

FIRST_STEPS = 200  # steps before completeness is checked for the first time
MAX_STEPS = FIRST_STEPS * 3**2  # refining triples the steps


@methods.register
@dataclass(frozen=True)
class GuidedIntegratedGradients(Method):
    """Gradients along a path from the baseline that moves the least sensitive values first.

    Values are sum_k (x_k+1 - x_k) * (g_k + g_k+1) / 2, (B, ...) as the input, in units of the
    score, with g_k the gradient at x_k. Each step shortens the summed distance to the input by the
    same amount: of the values that lag behind, the `fraction` with the smallest |g_k| is moved
    first, and all values stay within `distance` of the straight line. They sum to the score minus
    the baseline score; steps are tripled until the gap is within the tolerance.
    Kapishnikov et al. 2021, arXiv:2106.09788.
    """

    name = "guided-integrated-gradients"
    family = "path"
    paper = "arXiv:2106.09788"
    aliases = ("guided-ig", "gig")
    complete = True
    linear_exact = "difference times gradient"

    steps: int | None = declare_parameter(
        None,
        f"gradient evaluations; unset: {FIRST_STEPS}, and more where the tolerance needs it",
        minimum=2,
    )
    max_steps: int = declare_parameter(
        MAX_STEPS, "largest number of steps when they are refined", minimum=FIRST_STEPS
    )
    # These two and the number of steps are those of the paper's own code.
    fraction: float = declare_parameter(
        0.25, "share of the values that is moved at a time", minimum=0.0, maximum=1.0
    )
    distance: float = declare_parameter(
        0.02, "how far from the straight line, as a share of it", minimum=0.0, maximum=1.0
    )

    @property
    def uses_baseline(self) -> bool:
        """Return True, because the path starts at the baseline."""
        return True

    @property
    def passes(self) -> int:
        """Return the steps, or the initial number if steps are refined."""
        return self.steps or FIRST_STEPS

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the sum along the path, with the completeness of each sample."""
        base = engine.compute_scores(batch.baseline, batch.target)
        ends = batch.compute_clean_scores(engine), base
        integrate = partial(self._integrate, engine)
        return refine_steps(integrate, batch, ends, self.passes, self.steps or self.max_steps)

    def _integrate(self, engine: Engine, batch: Batch, steps: int) -> PathResult:
        """Return the sum along the guided path with `steps` steps."""
        differences = _flatten(batch, {s: _compute_difference(batch, s) for s in batch.sites})
        lengths = np.abs(differences)
        positions, moved, total = (np.zeros_like(differences) for _ in range(3))
        disconnected = frozenset(batch.sites)
        for step in range(1, steps + 1):
            gradients, step_disconnected = _compute_gradients(engine, batch, positions)
            disconnected &= step_disconnected
            after = positions.copy()
            if step < steps:
                for row in range(len(batch)):
                    after[row] = self._move_values(
                        positions[row], np.abs(gradients[row]), lengths[row], step / (steps - 1)
                    )
            # Trapezoid rule: half of the steps before and after this position.
            total += (moved + after - positions) / 2 * gradients
            moved, positions = after - positions, after
        return _unflatten(batch, total * differences), disconnected

    def _move_values(
        self, positions: Array, gradients: Array, lengths: Array, goal: float
    ) -> Array:
        """Return the next positions of the values, from 0 (the baseline) to 1 (the input).

        `lengths` are the distances from baseline to input. Values are moved until their mean
        position, weighted by length, is `goal`, those with the smallest gradients first.
        """
        high = min(goal + self.distance, 1.0)
        positions = np.maximum(positions, min(goal - self.distance, 1.0))
        # Values that have arrived, or that do not differ from the baseline, are never chosen.
        gradients = np.where((positions < high) & (lengths > 0), gradients, np.inf)
        # The least sensitive values are those up to this quantile of the gradients.
        rank = int(self.fraction * (len(gradients) - 1))
        remaining = float(lengths @ (goal - positions))
        tolerance = 1e-12 * float(lengths.sum())  # rounding of float64 sums
        while remaining > tolerance:
            limit = np.partition(gradients, rank)[rank]
            chosen = np.flatnonzero((gradients <= limit) & (gradients < np.inf))
            if not len(chosen):
                break
            room = float(lengths[chosen] @ (high - positions[chosen]))
            share = min(remaining / room, 1.0)
            positions[chosen] += share * (high - positions[chosen])
            remaining -= share * room
            gradients[chosen] = np.inf
        return np.asarray(positions)


def _compute_difference(batch: Batch, site: str) -> Array:
    """Return input minus baseline of a site, in float64."""
    return batch.inputs[site].astype(np.float64) - batch.baseline[site]


def _flatten(batch: Batch, arrays: dict[str, Array]) -> Floats:
    """Return the values of all sites in one array, (B, N)."""
    return np.concatenate(
        [arrays[s].reshape(len(batch), -1) for s in batch.sites], axis=1, dtype=np.float64
    )


def _unflatten(batch: Batch, flat: Floats) -> dict[str, Floats]:
    """Split values (B, N) into arrays by site, with the shapes of the sites."""
    arrays, start = {}, 0
    for site in batch.sites:
        array = batch.inputs[site]
        size = array[0].size
        arrays[site] = flat[:, start : start + size].reshape(array.shape)
        start += size
    return arrays


def _compute_gradients(
    engine: Engine, batch: Batch, positions: Floats
) -> tuple[Floats, frozenset[str]]:
    """Return the gradients at these positions, (B, N), and the disconnected sites."""
    inputs = dict(batch.inputs)
    for site, share in _unflatten(batch, positions).items():
        inputs[site] = (batch.baseline[site] + share * _compute_difference(batch, site)).astype(
            np.float32
        )
    parts, disconnected = [], frozenset(batch.sites)
    # Steps depend on each other, so only the samples of one step share a pass.
    for start in range(0, len(batch), engine.batch_size):
        rows = np.arange(start, min(start + engine.batch_size, len(batch)))
        point = {name: array[rows] for name, array in inputs.items()}
        gradients = engine.compute_gradients(point, batch.target.take(rows), batch.sites)
        parts.append(_flatten(batch.take(rows), dict(gradients.values)))
        disconnected &= gradients.disconnected
    return np.concatenate(parts), disconnected

"""Gradients gathered along a path that turns away from steep directions."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case, Method, methods
from inputgrad_cli.methods.path._refine import Walked, refined
from inputgrad_cli.numeric.arrays import Array, Floats
from inputgrad_cli.registry import param

FIRST = 200


@methods.register
@dataclass(frozen=True)
class GuidedIntegratedGradients(Method):
    """Gradients along a path from the baseline that moves the least sensitive values first.

    Values are sum_k (x_k+1 - x_k) * (g_k + g_k+1) / 2, (B, ...) as the input, in units of the
    score, with g_k the gradient at x_k. Each step shortens the summed distance to the input evenly:
    of the values behind, the `fraction` with the least |g_k| is moved first, each kept within
    `distance` of the straight line. They sum to the score minus the baseline's; where they miss it
    by more than the tolerance, the walk is done again with three times the steps.
    Kapishnikov et al. 2021, arXiv:2106.09788.
    """

    name = "guided-integrated-gradients"
    family = "path"
    paper = "arXiv:2106.09788"
    known_as = ("guided-ig", "gig")
    complete = True
    linear_exact = "difference times gradient"

    steps: int | None = param(
        None,
        f"gradient evaluations; unset: {FIRST}, and more where the tolerance needs it",
        least=2,
    )
    max_steps: int = param(1800, "where refining ends", least=FIRST)
    fraction: float = param(
        0.25, "share of the values that is moved at a time", least=0.0, most=1.0
    )
    distance: float = param(
        0.02, "how far from the straight line, as a share of it", least=0.0, most=1.0
    )

    @property
    def uses_baseline(self) -> bool:
        """Return True: the path starts there."""
        return True

    @property
    def passes(self) -> int:
        """Return the steps, or the first of them where they are refined."""
        return self.steps or FIRST

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the sum along the path, with the completeness of each sample."""
        base = engine.scores(case.baseline, case.target)
        ends = case.clean_scores(engine), base
        walk = partial(self._walk, engine)
        return refined(walk, case, ends, self.passes, self.steps or self.max_steps)

    def _walk(self, engine: Engine, case: Case, steps: int) -> Walked:
        ways = _flat(case, {s: _way(case, s) for s in case.sites})
        lengths = np.abs(ways)
        places, moved, total = (np.zeros_like(ways) for _ in range(3))
        apart = frozenset(case.sites)
        for step in range(1, steps + 1):
            slopes, found = _slopes(engine, case, places)
            apart &= found
            after = places.copy()
            if step < steps:
                for row in range(len(case)):
                    after[row] = self._moved(
                        places[row], np.abs(slopes[row]), lengths[row], step / (steps - 1)
                    )
            total += (moved + after - places) / 2 * slopes
            moved, places = after - places, after
        return _shaped(case, total * ways), apart

    def _moved(self, places: Array, slopes: Array, lengths: Array, goal: float) -> Array:
        """Return the next places of the values on their ways, 0 the baseline and 1 the input."""
        high = min(goal + self.distance, 1.0)
        places = np.maximum(places, min(goal - self.distance, 1.0))
        slopes = np.where((places < high) & (lengths > 0), slopes, np.inf)
        rank = int(self.fraction * (len(slopes) - 1))
        left = float(lengths @ (goal - places))
        least = 1e-12 * float(lengths.sum())
        while left > least:
            limit = np.partition(slopes, rank)[rank]
            chosen = np.flatnonzero((slopes <= limit) & (slopes < np.inf))
            if not len(chosen):
                break
            room = float(lengths[chosen] @ (high - places[chosen]))
            part = min(left / room, 1.0)
            places[chosen] += part * (high - places[chosen])
            left -= part * room
            slopes[chosen] = np.inf
        return np.asarray(places)


def _way(case: Case, site: str) -> Array:
    return case.inputs[site].astype(np.float64) - case.baseline[site]


def _flat(case: Case, arrays: dict[str, Array]) -> Floats:
    """Return the values of all sites side by side: (B, N)."""
    return np.concatenate(
        [arrays[s].reshape(len(case), -1) for s in case.sites], axis=1, dtype=np.float64
    )


def _shaped(case: Case, flat: Floats) -> dict[str, Floats]:
    """Return side-by-side values (B, N) by site, in the sites' shapes."""
    out, at = {}, 0
    for site in case.sites:
        array = case.inputs[site]
        size = array[0].size
        out[site] = flat[:, at : at + size].reshape(array.shape)
        at += size
    return out


def _slopes(engine: Engine, case: Case, places: Floats) -> tuple[Floats, frozenset[str]]:
    """Return the gradients at these places on the ways, (B, N), and what is disconnected."""
    inputs = dict(case.inputs)
    for site, share in _shaped(case, places).items():
        inputs[site] = (case.baseline[site] + share * _way(case, site)).astype(np.float32)
    parts, apart = [], frozenset(case.sites)
    for start in range(0, len(case), engine.batch_size):
        rows = np.arange(start, min(start + engine.batch_size, len(case)))
        point = {name: array[rows] for name, array in inputs.items()}
        found = engine.gradients(point, case.target.take(rows), case.sites)
        parts.append(_flat(case.take(rows), dict(found.values)))
        apart &= found.disconnected
    return np.concatenate(parts), apart

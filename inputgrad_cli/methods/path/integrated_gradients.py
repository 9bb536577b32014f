"""Gradients gathered along the straight line from the baseline to the input."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution import Completeness, Finding, completeness, sums
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine, Gradients
from inputgrad_cli.interfaces.method import Case, Method, methods
from inputgrad_cli.methods._lines import on_lines
from inputgrad_cli.methods._parallel import overlapped
from inputgrad_cli.numeric.arrays import Array, Floats
from inputgrad_cli.numeric.probes import Rows, add_rows, chunks
from inputgrad_cli.numeric.quadrature import RULES, between, rule
from inputgrad_cli.registry import param

FIRST = 16


@methods.register
@dataclass(frozen=True)
class IntegratedGradients(Method):
    """Mean gradient along the straight line from the baseline, times input minus baseline.

    Values are (B, ...) as the input, in units of the score, and sum to score - baseline score.
    No fixed number of steps is safe on every model, so by default the midpoint rule is refined (16,
    48, 144, ... steps, reusing every point) until the completeness gap is within the tolerance.
    Sundararajan et al. 2017, arXiv:1703.01365.
    """

    name = "integrated-gradients"
    family = "path"
    paper = "arXiv:1703.01365"
    known_as = ("ig", "intgrad", "intgrads", "integrated-grad", "path-integrated-gradients")
    complete = True
    linear_exact = "difference times gradient"

    steps: int | None = param(
        None, "gradient evaluations; unset: as many as the tolerance needs", least=1
    )
    max_steps: int = param(3888, "where refining ends", least=FIRST)
    rule: str = param("midpoint", "where on the line the gradients are taken", choices=RULES)

    def __post_init__(self) -> None:
        """Refuse a rule that cannot be refined or is too short."""
        if self.steps is not None:
            rule(self.rule, self.steps)
        elif self.rule != "midpoint":
            raise UsageError(
                f"integrated-gradients:rule={self.rule} needs steps=",
                reason="only the midpoint rule is refined until the tolerance is met",
                mend=f"write integrated-gradients:rule={self.rule},steps=50",
            )

    @property
    def uses_baseline(self) -> bool:
        """Return True: the line starts there."""
        return True

    @property
    def passes(self) -> int:
        """Return the steps, or a usual number where they are refined."""
        return self.steps or 3 * FIRST

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the integral, with the completeness of each sample."""
        base = engine.scores(case.baseline, case.target)
        scores = case.clean_scores(engine)
        walk = _Walk(engine, case, scores, base)
        if self.steps is not None:
            nodes, weights = rule(self.rule, self.steps)
            walk.add(np.arange(len(case)), nodes, weights)
            return walk.finding(np.full(len(case), self.steps))
        return walk.finding(self._refine(walk, len(case)))

    def _refine(self, walk: "_Walk", rows: int) -> Array:
        steps = np.full(rows, FIRST)
        walk.add(np.arange(rows), *rule("midpoint", FIRST))
        while True:
            short = np.flatnonzero(walk.check(steps).is_short & (steps * 3 <= self.max_steps))
            if not len(short):
                return steps
            done = int(steps[short[0]])  # all that are still short have come equally far
            steps[short] = done * 3
            walk.thin(short, 1.0 / 3.0)
            walk.add(short, between(done), np.full(2 * done, 1.0 / (3 * done)))


class _Walk:
    """The running mean of the gradients of a case along its lines."""

    def __init__(self, engine: Engine, case: Case, scores: Array, base: Array) -> None:
        self.engine, self.case, self.scores, self.base = engine, case, scores, base
        self.apart = frozenset(case.sites)
        self.mean: dict[str, Floats] = {
            site: np.zeros(case.inputs[site].shape, np.float64) for site in case.sites
        }

    def thin(self, rows: Array, factor: float) -> None:
        for mean in self.mean.values():
            mean[rows] *= factor

    def add(self, samples: Array, nodes: Array, weights: Array) -> None:
        case, engine = self.case, self.engine

        def ask(picked: Rows, probes: Rows) -> Gradients:
            rows = samples[picked]
            inputs = on_lines(case, rows, nodes[probes])
            return engine.gradients(inputs, case.target.take(rows), case.sites)

        pieces = chunks(len(samples), len(nodes), engine.batch_size)
        for picked, probes, found in overlapped(engine, pieces, ask):
            add_rows(self.mean, samples[picked], dict(found.values), weights[probes])
            self.apart &= found.disconnected

    def values(self) -> dict[str, Array]:
        case = self.case
        return {s: self.mean[s] * (case.inputs[s] - case.baseline[s]) for s in case.sites}

    def check(self, steps: Array) -> Completeness:
        total = sums(self.values())
        return completeness(total, self.scores, self.base, steps, self.case.tolerance)

    def finding(self, steps: Array) -> Finding:
        values = {site: array.astype(np.float32) for site, array in self.values().items()}
        return Finding(values, self.base, self.check(steps), self.apart)

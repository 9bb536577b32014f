"""Gradients integrated along the straight line from the baseline to the input."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution_results import (
    Completeness,
    MethodResult,
    compute_completeness,
    sum_sites,
)
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine, Gradients
from inputgrad_cli.interfaces.method import Batch, Method, methods
from inputgrad_cli.methods._line_interpolation import interpolate_lines
from inputgrad_cli.methods._parallel import map_chunks
from inputgrad_cli.methods._point_chunks import Indices, add_rows, split_probes
from inputgrad_cli.numeric.array_helpers import Array, Floats
from inputgrad_cli.numeric.quadrature import RULES, build_rule, compute_new_midpoints
from inputgrad_cli.registry import declare_parameter

FIRST_STEPS = 16  # steps before completeness is checked for the first time
MAX_STEPS = FIRST_STEPS * 3**5  # refining triples the steps


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
    aliases = ("ig", "intgrad", "intgrads", "integrated-grad", "path-integrated-gradients")
    complete = True
    linear_exact = "difference times gradient"

    steps: int | None = declare_parameter(
        None, "gradient evaluations; unset: as many as the tolerance needs", minimum=1
    )
    max_steps: int = declare_parameter(
        MAX_STEPS, "largest number of steps when they are refined", minimum=FIRST_STEPS
    )
    # On ReLU networks the midpoint rule needs 1.4 times fewer gradients than Gauss-Legendre for the
    # same error, and the nodes of n steps are among those of 3 n.
    rule: str = declare_parameter(
        "midpoint", "where on the line the gradients are taken", choices=RULES
    )

    def __post_init__(self) -> None:
        """Refuse a rule that cannot be refined, or that has too few steps."""
        if self.steps is not None:
            build_rule(self.rule, self.steps)
        elif self.rule != "midpoint":
            raise UsageError(
                f"integrated-gradients:rule={self.rule} needs steps=",
                reason="only the midpoint rule is refined until the tolerance is met",
                hint=f"write integrated-gradients:rule={self.rule},steps=50",
            )

    @property
    def uses_baseline(self) -> bool:
        """Return True, because the line starts at the baseline."""
        return True

    @property
    def passes(self) -> int:
        """Return the steps, or a typical number if steps are refined."""
        # A run is planned before any gap is known; one refinement is assumed.
        return self.steps or 3 * FIRST_STEPS

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the integral, with the completeness of each sample."""
        base = engine.compute_scores(batch.baseline, batch.target)
        scores = batch.compute_clean_scores(engine)
        integral = _LineIntegral(engine, batch, scores, base)
        if self.steps is not None:
            nodes, weights = build_rule(self.rule, self.steps)
            integral.add(np.arange(len(batch)), nodes, weights)
            return integral.to_result(np.full(len(batch), self.steps))
        return integral.to_result(self._refine(integral, len(batch)))

    def _refine(self, integral: "_LineIntegral", rows: int) -> Array:
        """Triple the steps of samples whose gap is too large; return the steps of each sample."""
        steps = np.full(rows, FIRST_STEPS)
        integral.add(np.arange(rows), *build_rule("midpoint", FIRST_STEPS))
        while True:
            short = np.flatnonzero(integral.check(steps).is_short & (steps * 3 <= self.max_steps))
            if not len(short):
                return steps
            current = int(steps[short[0]])  # all that are still short have the same number of steps
            steps[short] = current * 3
            # The earlier nodes are a third of all nodes now, with equal weights.
            integral.scale(short, 1.0 / 3.0)
            integral.add(
                short, compute_new_midpoints(current), np.full(2 * current, 1.0 / (3 * current))
            )


class _LineIntegral:
    """The running mean of the gradients of a batch along its lines."""

    def __init__(self, engine: Engine, batch: Batch, scores: Array, base: Array) -> None:
        self.engine, self.batch, self.scores, self.base = engine, batch, scores, base
        self.disconnected = frozenset(batch.sites)
        self.mean: dict[str, Floats] = {
            site: np.zeros(batch.inputs[site].shape, np.float64) for site in batch.sites
        }

    def scale(self, rows: Array, factor: float) -> None:
        """Multiply the means of some samples, to make room for further nodes."""
        for mean in self.mean.values():
            mean[rows] *= factor

    def add(self, samples: Array, nodes: Array, weights: Array) -> None:
        """Add the weighted gradients at the nodes of the lines of some samples."""
        batch, engine = self.batch, self.engine

        def compute(chosen: Indices, probes: Indices) -> Gradients:
            rows = samples[chosen]
            inputs = interpolate_lines(batch, rows, nodes[probes])
            return engine.compute_gradients(inputs, batch.target.take(rows), batch.sites)

        chunks = split_probes(len(samples), len(nodes), engine.batch_size)
        for chosen, probes, gradients in map_chunks(
            engine, chunks, compute, parallel=batch.parallel
        ):
            add_rows(self.mean, samples[chosen], dict(gradients.values), weights[probes])
            self.disconnected &= gradients.disconnected

    def compute_values(self) -> dict[str, Array]:
        """Return mean gradient times input minus baseline, by site."""
        batch = self.batch
        return {s: self.mean[s] * (batch.inputs[s] - batch.baseline[s]) for s in batch.sites}

    def check(self, steps: Array) -> Completeness:
        """Return how well the values sum to the difference of scores."""
        total = sum_sites(self.compute_values())
        return compute_completeness(total, self.scores, self.base, steps, self.batch.tolerance)

    def to_result(self, steps: Array) -> MethodResult:
        """Return the values with their completeness."""
        values = {site: array.astype(np.float32) for site, array in self.compute_values().items()}
        return MethodResult(values, self.base, self.check(steps), self.disconnected)

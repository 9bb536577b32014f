"""Gradients gathered while a blurred picture becomes sharp."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case, Method, methods
from inputgrad_cli.methods._parallel import overlapped
from inputgrad_cli.methods._requirements import spatial
from inputgrad_cli.methods.path._refine import Walked, refined
from inputgrad_cli.numeric.arrays import Array, Floats
from inputgrad_cli.numeric.blur import blur
from inputgrad_cli.numeric.probes import Rows, add_rows, chunks, runs
from inputgrad_cli.registry import param

FIRST = 100


@methods.register
@dataclass(frozen=True)
class BlurIntegratedGradients(Method):
    """Gradients along the path from the fully blurred picture to the sharp one, times its steps.

    Values are sum_i (L_i-1 - L_i+1) / 2 * d score / d x at L_i, with L_i the picture under a
    Gaussian blur of sigma (i / (n-1))^2, so that steps are fine where the picture is sharp: (B,
    ...) as the picture, in units of the score. They sum to the score minus the blurred picture's;
    where they miss it by more than the tolerance, the walk is done again with three times the
    steps. The blur mirrors at the edges. No --baseline is used.
    Xu et al. 2020, arXiv:2004.03383.
    """

    name = "blur-integrated-gradients"
    family = "path"
    paper = "arXiv:2004.03383"
    known_as = ("blur-ig", "big")
    complete = True
    linear_exact = "difference from the blurred input times gradient"
    needs = "picture"

    sigma: float = param(50.0, "the widest blur, in pixels", least=0.0)
    steps: int | None = param(
        None,
        f"gradient evaluations; unset: {FIRST}, and more where the tolerance needs it",
        least=2,
    )
    max_steps: int = param(2700, "where refining ends", least=FIRST)

    @property
    def passes(self) -> int:
        """Return the steps, or the first of them where they are refined."""
        return self.steps or FIRST

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the sum along the path, with the completeness of each sample."""
        axes = spatial(self, case)
        far = {s: blur(case.inputs[s], self.sigma, axes[s]) for s in case.sites}
        base = engine.scores({**case.inputs, **far}, case.target)
        ends = case.clean_scores(engine), base
        walk = partial(self._walk, engine)
        return refined(walk, case, ends, self.passes, self.steps or self.max_steps)

    def _walk(self, engine: Engine, case: Case, steps: int) -> Walked:
        total: dict[str, Floats] = {
            s: np.zeros(case.inputs[s].shape, np.float64) for s in case.sites
        }
        apart = frozenset(case.sites)

        def ask(rows: Rows, numbers: Rows) -> tuple[dict[str, Array], frozenset[str]]:
            inputs = {name: array[rows] for name, array in case.inputs.items()}
            ways = {}
            for site in case.sites:
                inputs[site], ways[site] = self._stages(case, site, (rows, numbers), steps)
            found = engine.gradients(inputs, case.target.take(rows), case.sites)
            parts = {site: ways[site] * found.values[site] for site in case.sites}
            return parts, found.disconnected

        pieces = chunks(len(case), steps, engine.batch_size)
        for rows, _, (parts, disconnected) in overlapped(engine, pieces, ask):
            add_rows(total, rows, parts, np.ones(len(rows)))
            apart &= disconnected
        return total, apart

    def _stages(
        self, case: Case, site: str, probes: tuple[Rows, Rows], steps: int
    ) -> tuple[Array, Array]:
        """Return the blurred pictures of the probes, and half the way past each."""
        rows, numbers = probes
        points, ways = [], []
        for start, stop in runs(rows):
            low = max(int(numbers[start]) - 1, 0)
            high = min(int(numbers[stop - 1]) + 1, steps - 1)
            picture = case.inputs[site][rows[start]][np.newaxis]
            sigmas = self.sigma * (np.arange(low, high + 1) / (steps - 1)) ** 2
            stages = np.concatenate([blur(picture, s, case.spatial[site]) for s in sigmas])
            here = numbers[start:stop] - low
            points.append(stages[here])
            after = np.minimum(here + 1, high - low)
            ways.append((stages[np.maximum(here - 1, 0)] - stages[after]) / 2)
        return np.concatenate(points), np.concatenate(ways)

"""Gradients integrated while a blurred picture becomes sharp."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch, Method, methods
from inputgrad_cli.methods._parallel import map_chunks
from inputgrad_cli.methods._point_chunks import Indices, add_rows, find_runs, split_probes
from inputgrad_cli.methods._requirements import require_spatial_axes
from inputgrad_cli.methods.path._refine import PathResult, refine_steps
from inputgrad_cli.numeric.array_helpers import Array, Floats
from inputgrad_cli.numeric.blur import blur
from inputgrad_cli.registry import declare_parameter

FIRST_STEPS = 100  # steps before completeness is checked for the first time
MAX_STEPS = FIRST_STEPS * 3**3  # refining triples the steps


@methods.register
@dataclass(frozen=True)
class BlurIntegratedGradients(Method):
    """Gradients along the path from the fully blurred picture to the sharp one, times its steps.

    Values are sum_i (L_i-1 - L_i+1) / 2 * d score / d x at L_i, with L_i the picture under a
    Gaussian blur of sigma (i / (n-1))^2, so that steps are fine where the picture is sharp: (B,
    ...) as the picture, in units of the score. They sum to the score minus that of the blurred
    picture; steps are tripled until the gap is within the tolerance. The blur mirrors at the edges.
    No --baseline is used.
    Xu et al. 2020, arXiv:2004.03383.
    """

    name = "blur-integrated-gradients"
    family = "path"
    paper = "arXiv:2004.03383"
    aliases = ("blur-ig", "big")
    complete = True
    linear_exact = "difference from the blurred input times gradient"
    needs = "picture"
    multiplies_by_input = True  # a blurred picture of zeros is zero too

    # The widest blur and the number of steps are those of the paper's own code.
    sigma: float = declare_parameter(50.0, "the widest blur, in pixels", minimum=0.0)
    steps: int | None = declare_parameter(
        None,
        f"gradient evaluations; unset: {FIRST_STEPS}, and more where the tolerance needs it",
        minimum=2,
    )
    max_steps: int = declare_parameter(
        MAX_STEPS, "largest number of steps when they are refined", minimum=FIRST_STEPS
    )

    @property
    def passes(self) -> int:
        """Return the steps, or the initial number if steps are refined."""
        return self.steps or FIRST_STEPS

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the sum along the path, with the completeness of each sample."""
        axes = require_spatial_axes(self, batch)
        blurred = {s: blur(batch.inputs[s], self.sigma, axes[s]) for s in batch.sites}
        base = engine.compute_scores({**batch.inputs, **blurred}, batch.target)
        ends = batch.compute_clean_scores(engine), base
        integrate = partial(self._integrate, engine)
        return refine_steps(integrate, batch, ends, self.passes, self.steps or self.max_steps)

    def _integrate(self, engine: Engine, batch: Batch, steps: int) -> PathResult:
        """Return the sum along the path with `steps` steps."""
        total: dict[str, Floats] = {
            s: np.zeros(batch.inputs[s].shape, np.float64) for s in batch.sites
        }
        disconnected = frozenset(batch.sites)

        def compute(rows: Indices, indices: Indices) -> tuple[dict[str, Array], frozenset[str]]:
            inputs = {name: array[rows] for name, array in batch.inputs.items()}
            differences = {}
            for site in batch.sites:
                inputs[site], differences[site] = self._compute_stages(
                    batch, site, (rows, indices), steps
                )
            gradients = engine.compute_gradients(inputs, batch.target.take(rows), batch.sites)
            parts = {site: differences[site] * gradients.values[site] for site in batch.sites}
            return parts, gradients.disconnected

        chunks = split_probes(len(batch), steps, engine.batch_size)
        for rows, _, (parts, chunk_disconnected) in map_chunks(
            engine, chunks, compute, parallel=batch.parallel
        ):
            add_rows(total, rows, parts, np.ones(len(rows)))
            disconnected &= chunk_disconnected
        return total, disconnected

    def _compute_stages(
        self, batch: Batch, site: str, probes: tuple[Indices, Indices], steps: int
    ) -> tuple[Array, Array]:
        """Return the blurred pictures of the probes, and half the difference of neighbours."""
        rows, indices = probes
        points, differences = [], []
        for start, stop in find_runs(rows):
            # Each stage is blurred once for a run of probes, and for its neighbours on both sides.
            low = max(int(indices[start]) - 1, 0)
            high = min(int(indices[stop - 1]) + 1, steps - 1)
            picture = batch.inputs[site][rows[start]][np.newaxis]
            sigmas = self.sigma * (np.arange(low, high + 1) / (steps - 1)) ** 2
            stages = np.concatenate([blur(picture, s, batch.spatial_axes[site]) for s in sigmas])
            chosen = indices[start:stop] - low
            points.append(stages[chosen])
            after = np.minimum(chosen + 1, high - low)
            differences.append((stages[np.maximum(chosen - 1, 0)] - stages[after]) / 2)
        return np.concatenate(points), np.concatenate(differences)

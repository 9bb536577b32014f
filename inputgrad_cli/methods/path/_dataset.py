"""The base of methods that draw their baselines from a dataset."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.interfaces.engine import Engine, Gradients
from inputgrad_cli.interfaces.method import Batch, Method
from inputgrad_cli.methods._monte_carlo import compute_mean_of_draws, draw_until
from inputgrad_cli.methods._point_chunks import Indices
from inputgrad_cli.methods._requirements import require_references
from inputgrad_cli.numeric.array_helpers import Array, Arrays, count_rows, expand_like
from inputgrad_cli.numeric.random_streams import draw_uniform
from inputgrad_cli.numeric.running_moments import Moments
from inputgrad_cli.registry import declare_parameter


@dataclass(frozen=True)
class DatasetBaselineMethod(Method):
    """A mean over random points on lines from random samples of a dataset to the input."""

    family = "path"
    random = True
    needs = "dataset"

    samples: int = declare_parameter(50, "number of draws, at most", minimum=1)
    se: float | None = declare_parameter(
        None, "stop at this standard error: the map's mean over its largest value", minimum=0.0
    )

    @property
    def uses_baseline(self) -> bool:
        """Return True, because lines start at baselines."""
        return True

    @property
    def passes(self) -> int:
        """Return the draws, which cost one gradient each."""
        return self.samples

    def compute_line_ends(self, batch: Batch, indices: Indices) -> Arrays:
        """Return the ends of the lines, by site; by default the inputs."""
        return {site: batch.inputs[site] for site in batch.sites}

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the mean over the draws. Memory does not grow with `samples`."""
        starts = require_references(self, batch)
        # Only the running mean is kept, so that memory does not grow with the draws.
        terms = Moments({site: batch.inputs[site] for site in batch.sites})
        disconnected: list[frozenset[str]] = []

        def draw(rows: Indices, indices: Indices) -> tuple[Arrays, Gradients]:
            samples = batch.take(rows)
            chosen, fractions = _draw_baselines(samples, indices, count_rows(starts))
            stops = self.compute_line_ends(samples, indices)
            differences = {s: stops[s] - starts[s][chosen] for s in batch.sites}
            points = {
                s: (
                    starts[s][chosen] + expand_like(fractions, differences[s]) * differences[s]
                ).astype(np.float32)
                for s in batch.sites
            }
            return differences, engine.compute_gradients(
                {**samples.inputs, **points}, samples.target, batch.sites
            )

        def add(rows: Indices, drawn: tuple[Arrays, Gradients]) -> None:
            differences, gradients = drawn
            for i, row in enumerate(rows):
                term = {s: differences[s][i] * gradients.values[s][i] for s in batch.sites}
                terms.add(int(row), term)
            disconnected[:] = [gradients.disconnected.intersection(*disconnected)]

        draw_until(
            engine,
            terms,
            draw=draw,
            add=add,
            total=self.samples,
            error=self.se,
            parallel=batch.parallel,
        )
        return compute_mean_of_draws(terms, terms.counts.copy(), *disconnected)


def _draw_baselines(batch: Batch, indices: Indices, baseline_count: int) -> tuple[Indices, Array]:
    """Return for each draw the index of its baseline, and its fraction of the line in [0, 1)."""
    pairs = [
        draw_uniform(seed, "reference", int(index), (2,))
        for seed, index in zip(batch.seeds, indices, strict=True)
    ]
    # The first number of a pair chooses the baseline, the second the position on the line.
    draws = np.asarray(pairs, np.float64)
    # Draws are below 1, so the index is below the count.
    return (draws[:, 0] * baseline_count).astype(np.intp), draws[:, 1]

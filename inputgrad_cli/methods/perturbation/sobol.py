"""The share of each segment in the variance of the score."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch, methods
from inputgrad_cli.methods._point_chunks import Indices
from inputgrad_cli.methods.perturbation._masking import (
    SegmentMethod,
    compute_masked_scores,
    fill_segments,
)
from inputgrad_cli.numeric.array_helpers import Array, Arrays, Floats
from inputgrad_cli.numeric.random_streams import draw_uniform
from inputgrad_cli.registry import declare_parameter

MIN_RELATIVE_SPREAD = 1e-6  # relative to the score; a smaller spread is rounding of float32


@methods.register
@dataclass(frozen=True)
class Sobol(SegmentMethod):
    """Total Sobol index of each segment: its share of the variance, with all interactions.

    Values are 1/(2n) sum_j (f(a_j) - f(c_ij))^2 / Var f(a) (Jansen's estimator), the same for all
    values of segment i: (B, ...) as the input, without a unit, never below zero. A segment counts
    in each of its interactions, so values may sum to more than one. f(a) is the score of
    baseline + a (x - baseline), with one a in [0, 1) for each segment; c_ij is a_j with another
    draw for segment i. Both designs are Latin hypercubes, so that n = 32 draws fill each axis
    evenly. M segments cost n (M + 1) scores.
    Fel et al. 2021, arXiv:2111.04138.
    """

    name = "sobol"
    paper = "arXiv:2111.04138"
    aliases = ("sobol-indices", "hsic")
    random = True
    max_segments = 4096

    # With these two a picture takes 3,904 scores, about as many as rise takes by default.
    grid: int | None = declare_parameter(11, "number of spans of an axis", minimum=1)
    samples: int = declare_parameter(32, "size of the design, n", minimum=2)

    @property
    def quantity(self) -> str:
        """Return the label of colour bars."""
        return "share of the variance of the {space}"

    @property
    def sign(self) -> str:
        """Return `positive`, because shares of a variance are."""
        return "positive"

    @property
    def passes(self) -> int:
        """Return the number of scores for a picture."""
        return self.samples * ((self.grid or 11) ** 2 + 1)

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the total indices."""
        segments = self.find_segments(batch)
        designs = [
            self._draw_designs(batch.seeds[row], len(sample_segments))
            for row, sample_segments in enumerate(segments)
        ]

        def build_masks(row: int, indices: Indices) -> Arrays:
            return segments[row].spread(_build_points(*designs[row], indices))

        counts = [self.samples * (len(sample_segments) + 1) for sample_segments in segments]
        scores = compute_masked_scores(engine, batch, counts, build_masks)
        return fill_segments(
            batch, segments, [self._compute_indices(sample_scores) for sample_scores in scores]
        )

    def _draw_designs(self, seed: bytes, segment_count: int) -> tuple[Floats, Floats]:
        """Return two Latin hypercubes (n, M): each column has one draw in each n-th of [0, 1)."""
        order, within = draw_uniform(seed, "designs", 0, (2, 2, self.samples, segment_count))
        # In each column, a random order of the n strata, and a random position within each.
        both = (order.argsort(axis=1) + within) / np.float32(self.samples)
        return both[0], both[1]

    def _compute_indices(self, scores: Array) -> Array:
        """Return the total indices (M,) from the scores at all points, by Jansen's estimator."""
        table = scores.reshape(-1, self.samples)
        # The mean over a Latin hypercube is almost exact, so the variance divides by n.
        spread = table[0].std()
        moved = ((table[0] - table[1:]) ** 2).mean(axis=1) / 2
        # A score that does not vary has no shares, and must not divide by zero.
        flat = spread <= MIN_RELATIVE_SPREAD * np.abs(table[0]).max()
        return np.zeros_like(moved) if flat else moved / spread**2


def _build_points(first: Floats, second: Floats, indices: Indices) -> Floats:
    """Return points (k, M): the first design, then it with one column replaced at a time."""
    # Column -1 stands for the first design itself.
    column, row = indices // len(first) - 1, indices % len(first)
    points = first[row]
    moved = np.flatnonzero(column >= 0)
    points[moved, column[moved]] = second[row[moved], column[moved]]
    return points

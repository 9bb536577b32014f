"""A linear model of the score around the input."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch, methods
from inputgrad_cli.methods._point_chunks import Indices
from inputgrad_cli.methods.perturbation._masking import (
    SegmentMethod,
    compute_masked_scores,
    fill_segments,
    unpack_bits,
)
from inputgrad_cli.numeric.array_helpers import Array, Arrays, Floats
from inputgrad_cli.numeric.random_streams import draw_uniform_rows
from inputgrad_cli.registry import declare_parameter


@methods.register
@dataclass(frozen=True)
class Lime(SegmentMethod):
    """Coefficients of a linear model of the score, fitted to copies without some segments.

    Values are the coefficient of the segment, the same for all of its values: (B, ...) as the
    input, in units of the score. The fit is by least squares with an intercept, over copies in
    which each segment is kept with probability 1/2, weighted by exp(-d^2 / (2 width^2)) with d the
    cosine distance to the input, 1 - sqrt(share of segments kept). The input itself is the first
    copy; if `samples` allows all 2^M copies, each is used once. The reference implementation
    adds a ridge of 1; here it is 0, so that a linear model is exact.
    Ribeiro et al. 2016, arXiv:1602.04938.
    """

    name = "lime"
    paper = "arXiv:1602.04938"
    aliases = ("lime-image", "superpixels")
    random = True
    linear_exact = "difference times gradient"
    unused = "near zero"
    max_segments = 2048

    # Samples and width are the defaults of the reference implementation for pictures.
    samples: int = declare_parameter(1000, "number of copies, the input itself counted", minimum=2)
    width: float = declare_parameter(
        0.25, "width of the kernel, as a cosine distance", minimum=0.01
    )
    ridge: float = declare_parameter(0.0, "penalty on the squared coefficients", minimum=0.0)

    @property
    def quantity(self) -> str:
        """Return the label of colour bars."""
        return "coefficient of the segment in a linear model of the {space}"

    @property
    def passes(self) -> int:
        """Return the number of copies."""
        return self.samples

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the coefficients of each sample's fit."""
        segments = self.find_segments(batch)
        counts = [self._count_copies(len(sample_segments)) for sample_segments in segments]
        clean = batch.compute_clean_scores(engine)

        def draw_copies(row: int, indices: Indices) -> Array:
            return self._draw_copies(batch.seeds[row], indices, len(segments[row]))

        def build_masks(row: int, indices: Indices) -> Arrays:
            return segments[row].spread(draw_copies(row, indices))

        all_scores = compute_masked_scores(engine, batch, counts, build_masks)
        values = []
        for row, scores in enumerate(all_scores):
            copies = np.vstack(
                [np.ones(len(segments[row]), bool), draw_copies(row, np.arange(len(scores)))]
            )
            values.append(self._fit(copies, np.append(clean[row], scores)))
        return fill_segments(batch, segments, values)

    def _count_copies(self, segment_count: int) -> int:
        """Return the number of copies besides the input itself."""
        if self._can_take_all(segment_count):
            return int(2**segment_count) - 1
        if self.samples < segment_count + 2:
            raise UsageError(
                f"lime:samples={self.samples} is too few for {segment_count} segments",
                reason="a fit needs two copies more than segments",
                hint=f"write samples={10 * segment_count}, or larger segments with grid=",
            )
        return self.samples - 1

    def _can_take_all(self, segment_count: int) -> bool:
        """Return whether `samples` allows all copies."""
        # The copies are numbered in int64, whose sign bit is not used.
        return segment_count < 63 and 2**segment_count <= self.samples

    def _draw_copies(self, seed: bytes, indices: Indices, segment_count: int) -> Array:
        """Return which segments are kept in copies, bool (n, M)."""
        if self._can_take_all(segment_count):
            return unpack_bits(indices, segment_count)
        return np.asarray(draw_uniform_rows(seed, "copies", indices, segment_count) < 0.5)

    def _fit(self, copies: Array, scores: Array) -> Floats:
        """Return the coefficients (M,) of the fit to copies (n, M) with scores (n,)."""
        distances = 1 - np.sqrt(copies.mean(axis=1))
        weights = np.exp(-((distances / self.width) ** 2) / 2)
        # Centring with weighted means is the same as fitting an intercept.
        centred = copies - weights @ copies / weights.sum()
        residual = scores - weights @ scores / weights.sum()
        root = np.sqrt(weights)
        design, goal = root[:, np.newaxis] * centred, root * residual
        if self.ridge:
            segment_count = copies.shape[1]
            design = np.vstack([design, np.sqrt(self.ridge) * np.eye(segment_count)])
            goal = np.append(goal, np.zeros(segment_count))
        return np.asarray(np.linalg.lstsq(design, goal, rcond=None)[0])

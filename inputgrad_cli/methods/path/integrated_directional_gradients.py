"""Differences of the score along the straight line, distributed by squared gradients."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult, compute_completeness, sum_sites
from inputgrad_cli.interfaces.engine import Engine, Gradients
from inputgrad_cli.interfaces.method import Batch, Method, methods
from inputgrad_cli.methods._line_interpolation import interpolate_lines
from inputgrad_cli.methods._parallel import map_chunks
from inputgrad_cli.methods._point_chunks import Indices, split_probes
from inputgrad_cli.numeric.array_helpers import Array, Floats
from inputgrad_cli.registry import declare_parameter


@methods.register
@dataclass(frozen=True)
class IntegratedDirectionalGradients(Method):
    """Score differences along the line from the baseline, distributed by squared gradients (IDGI).

    Values are sum_j g_j^2 / |g_j|^2 (f_j+1 - f_j), (B, ...) as the input, in units of the score,
    with score f_j and gradient g_j at x_j = b + j/n (x - b), the norm over all inputs together. By
    construction they sum to score - baseline score; only a step whose
    gradient is zero everywhere leaves a gap, because its difference cannot be distributed.
    Yang et al. 2023, arXiv:2303.14242.
    """

    name = "integrated-directional-gradients"
    family = "path"
    paper = "arXiv:2303.14242"
    aliases = ("idg",)
    complete = True
    linear_exact = "difference of scores shared by gradient squared"

    steps: int = declare_parameter(128, "gradient evaluations", minimum=1)

    @property
    def uses_baseline(self) -> bool:
        """Return True, because the line starts at the baseline."""
        return True

    @property
    def passes(self) -> int:
        """Return the steps."""
        return self.steps

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the shares, with the completeness of each sample."""
        scores = batch.compute_clean_scores(engine)
        accumulator = _ShareAccumulator(batch, scores, self.steps)
        disconnected = frozenset(batch.sites)

        def compute(rows: Indices, indices: Indices) -> Gradients:
            inputs = interpolate_lines(batch, rows, indices / self.steps)
            return engine.compute_gradients(inputs, batch.target.take(rows), batch.sites)

        chunks = split_probes(len(batch), self.steps, engine.batch_size)
        for rows, indices, gradients in map_chunks(
            engine, chunks, compute, parallel=batch.parallel
        ):
            # Chunks come back in order, although several are computed at a time.
            for i, (row, step) in enumerate(zip(rows, indices, strict=True)):
                accumulator.add(int(row), int(step), gradients, i)
            disconnected &= gradients.disconnected
        return accumulator.to_result(disconnected)


class _ShareAccumulator:
    """The running sum of shares.

    The difference of a step is known only with the next score, so the shares of one step wait.
    """

    def __init__(self, batch: Batch, scores: Array, steps: int) -> None:
        self.batch, self.scores, self.steps = batch, np.asarray(scores, np.float64), steps
        self.total: dict[str, Floats] = {
            s: np.zeros(batch.inputs[s].shape, np.float64) for s in batch.sites
        }
        self.base = np.zeros(len(batch))
        self.pending: dict[str, Floats] = {}
        self.last_score = 0.0

    def add(self, row: int, step: int, gradients: Gradients, i: int) -> None:
        """Add gradient and score of a step; the steps of a sample must come in order."""
        score = float(gradients.scores[i])
        if step == 0:
            self.base[row] = score
        else:
            self._share(row, score)
        squares = {s: np.square(gradients.values[s][i], dtype=np.float64) for s in self.batch.sites}
        total = sum(float(array.sum()) for array in squares.values())
        # Without any gradient the shares are zero.
        self.pending = {s: array / (total or 1.0) for s, array in squares.items()}
        self.last_score = score
        if step == self.steps - 1:
            self._share(row, self.scores[row])

    def _share(self, row: int, score: float) -> None:
        """Add the difference to the last score, distributed by the pending shares."""
        for site, share in self.pending.items():
            self.total[site][row] += share * (score - self.last_score)

    def to_result(self, disconnected: frozenset[str]) -> MethodResult:
        """Return the shares with their completeness."""
        values = {site: array.astype(np.float32) for site, array in self.total.items()}
        total = sum_sites(self.total)
        check = compute_completeness(
            total, self.scores, self.base, self.steps, self.batch.tolerance
        )
        return MethodResult(values, self.base, check, disconnected)

"""Differences of the score along the straight line, shared out by squared gradients."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution import Finding, completeness, sums
from inputgrad_cli.interfaces.engine import Engine, Gradients
from inputgrad_cli.interfaces.method import Case, Method, methods
from inputgrad_cli.methods._lines import on_lines
from inputgrad_cli.methods._parallel import overlapped
from inputgrad_cli.numeric.arrays import Array, Floats
from inputgrad_cli.numeric.probes import Rows, chunks
from inputgrad_cli.registry import param


@methods.register
@dataclass(frozen=True)
class IntegratedDirectionalGradients(Method):
    """Score differences along the line from the baseline, shared out by squared gradients (IDGI).

    Values are sum_j g_j^2 / |g_j|^2 (f_j+1 - f_j), (B, ...) as the input, in units of the score,
    with score f_j and gradient g_j at x_j = b + j/n (x - b), the norm over all inputs together. By
    construction they sum to score - baseline score; only a step without any gradient, whose
    difference nobody can be given, leaves a gap.
    Yang et al. 2023, arXiv:2303.14242.
    """

    name = "integrated-directional-gradients"
    family = "path"
    paper = "arXiv:2303.14242"
    known_as = ("idg",)
    complete = True
    linear_exact = "difference of scores shared by gradient squared"

    steps: int = param(128, "gradient evaluations", least=1)

    @property
    def uses_baseline(self) -> bool:
        """Return True: the line starts there."""
        return True

    @property
    def passes(self) -> int:
        """Return the steps."""
        return self.steps

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the shares, with the completeness of each sample."""
        scores = case.clean_scores(engine)
        sharing = _Sharing(case, scores, self.steps)
        apart = frozenset(case.sites)

        def ask(rows: Rows, numbers: Rows) -> Gradients:
            inputs = on_lines(case, rows, numbers / self.steps)
            return engine.gradients(inputs, case.target.take(rows), case.sites)

        pieces = chunks(len(case), self.steps, engine.batch_size)
        for rows, numbers, found in overlapped(engine, pieces, ask):
            for place, (row, number) in enumerate(zip(rows, numbers, strict=True)):
                sharing.add(int(row), int(number), found, place)
            apart &= found.disconnected
        return sharing.finding(apart)


class _Sharing:
    """The shares so far. A step's difference is known when the next score is, so one step waits."""

    def __init__(self, case: Case, scores: Array, steps: int) -> None:
        self.case, self.scores, self.steps = case, np.asarray(scores, np.float64), steps
        self.total: dict[str, Floats] = {
            s: np.zeros(case.inputs[s].shape, np.float64) for s in case.sites
        }
        self.base = np.zeros(len(case))
        self.waiting: dict[str, Floats] = {}
        self.last = 0.0

    def add(self, row: int, number: int, found: Gradients, place: int) -> None:
        """Take in gradient and score of a step; steps of a sample come in order."""
        score = float(found.scores[place])
        if number == 0:
            self.base[row] = score
        else:
            self._share(row, score)
        squares = {s: np.square(found.values[s][place], dtype=np.float64) for s in self.case.sites}
        whole = sum(float(array.sum()) for array in squares.values())
        self.waiting = {s: array / (whole or 1.0) for s, array in squares.items()}
        self.last = score
        if number == self.steps - 1:
            self._share(row, self.scores[row])

    def _share(self, row: int, score: float) -> None:
        for site, share in self.waiting.items():
            self.total[site][row] += share * (score - self.last)

    def finding(self, apart: frozenset[str]) -> Finding:
        values = {site: array.astype(np.float32) for site, array in self.total.items()}
        total = sums(self.total)
        check = completeness(total, self.scores, self.base, self.steps, self.case.tolerance)
        return Finding(values, self.base, check, apart)

"""Each segment's share of the variance of the score."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case, methods
from inputgrad_cli.methods.perturbation._masking import Segmenting, painted, scored
from inputgrad_cli.numeric.arrays import Array, Arrays, Floats
from inputgrad_cli.numeric.probes import Rows
from inputgrad_cli.numeric.random_streams import uniform
from inputgrad_cli.registry import param

FLAT = 1e-6  # of the score: what varies less is the rounding of float32


@methods.register
@dataclass(frozen=True)
class Sobol(Segmenting):
    """Total Sobol index of each segment: its share of the variance of the score, shared or alone.

    Values are 1/(2n) sum_j (f(a_j) - f(c_ij))^2 / Var f(a) (Jansen's estimator), the same for all
    values of segment i: (B, ...) as the input, without a unit, never below zero; a segment counts
    in every interaction it takes part in, so they may sum to more than one. f(a) is the score of
    baseline + a (x - baseline), with one a in [0, 1) for each segment; c_ij is a_j with another
    draw for segment i. Both designs are Latin hypercubes, so that n = 32 fill each axis evenly. It
    costs n (M + 1) scores for M segments.
    Fel et al. 2021, arXiv:2111.04138.
    """

    name = "sobol"
    paper = "arXiv:2111.04138"
    known_as = ("sobol-indices", "hsic")
    random = True
    most = 4096

    grid: int | None = param(11, "spans that an axis is cut into", least=1)
    samples: int = param(32, "size of the design, n", least=2)

    @property
    def quantity(self) -> str:
        """Return what a value is."""
        return "share of the variance of the {space}"

    @property
    def sign(self) -> str:
        """Return `positive`: it is a share."""
        return "positive"

    @property
    def passes(self) -> int:
        """Return the scores of a picture."""
        return self.samples * ((self.grid or 11) ** 2 + 1)

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the total indices."""
        players = self.players(case)
        designs = [self._designs(case.keys[row], len(each)) for row, each in enumerate(players)]

        def masks(row: int, numbers: Rows) -> Arrays:
            return players[row].spread(_points(*designs[row], numbers))

        counts = [self.samples * (len(each) + 1) for each in players]
        found = scored(engine, case, counts, masks)
        return painted(case, players, [self._indices(scores) for scores in found])

    def _designs(self, key: bytes, players: int) -> tuple[Floats, Floats]:
        """Return two Latin hypercubes, (n, M): in each column one draw from each n-th of [0, 1)."""
        order, within = uniform(key, "designs", 0, (2, 2, self.samples, players))
        both = (order.argsort(axis=1) + within) / np.float32(self.samples)
        return both[0], both[1]

    def _indices(self, scores: Array) -> Array:
        table = scores.reshape(-1, self.samples)
        # A hypercube's mean hardly errs, so nothing is taken off n for it.
        spread = table[0].std()
        moved = ((table[0] - table[1:]) ** 2).mean(axis=1) / 2
        flat = spread <= FLAT * np.abs(table[0]).max()
        return np.zeros_like(moved) if flat else moved / spread**2


def _points(first: Floats, second: Floats, numbers: Rows) -> Floats:
    """Return the numbered points (k, M): the first design, then it with each column replaced."""
    column, row = numbers // len(first) - 1, numbers % len(first)
    points = first[row]
    moved = np.flatnonzero(column >= 0)
    points[moved, column[moved]] = second[row[moved], column[moved]]
    return points

"""A linear model of the score in the neighbourhood of the input."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case, methods
from inputgrad_cli.methods.perturbation._masking import Segmenting, bits, painted, scored
from inputgrad_cli.numeric.arrays import Array, Arrays, Floats
from inputgrad_cli.numeric.probes import Rows
from inputgrad_cli.numeric.random_streams import numbered
from inputgrad_cli.registry import param


@methods.register
@dataclass(frozen=True)
class Lime(Segmenting):
    """Coefficients of a linear model of the score, fitted to copies without some segments.

    Values are the coefficient of the segment, the same for all of its values: (B, ...) as the
    input, in units of the score. The fit is by least squares with an intercept, over copies in
    which each segment stays with probability 1/2, weighted by exp(-d^2 / (2 width^2)) with d the
    cosine distance to the whole, 1 - sqrt(share that stays). The input itself is the first copy;
    where all 2^M copies are no more than `samples`, each is taken once. The reference
    implementation adds a ridge of 1; here it is 0, so that a linear model is exact.
    Ribeiro et al. 2016, arXiv:1602.04938.
    """

    name = "lime"
    paper = "arXiv:1602.04938"
    known_as = ("lime-image", "superpixels")
    random = True
    linear_exact = "difference times gradient"
    unused = "near zero"
    most = 2048

    samples: int = param(1000, "number of copies, the input itself counted", least=2)
    width: float = param(0.25, "width of the kernel, as a cosine distance", least=0.01)
    ridge: float = param(0.0, "penalty on the squared coefficients", least=0.0)

    @property
    def quantity(self) -> str:
        """Return what a value is."""
        return "coefficient of the segment in a linear model of the {space}"

    @property
    def passes(self) -> int:
        """Return the copies."""
        return self.samples

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the coefficients of each sample's fit."""
        players = self.players(case)
        counts = [self._count(len(each)) for each in players]
        clean = case.clean_scores(engine)

        def stay(row: int, numbers: Rows) -> Array:
            return self._stay(case.keys[row], numbers, len(players[row]))

        def masks(row: int, numbers: Rows) -> Arrays:
            return players[row].spread(stay(row, numbers))

        found = scored(engine, case, counts, masks)
        values = []
        for row, scores in enumerate(found):
            copies = np.vstack(
                [np.ones(len(players[row]), bool), stay(row, np.arange(len(scores)))]
            )
            values.append(self._fit(copies, np.append(clean[row], scores)))
        return painted(case, players, values)

    def _count(self, players: int) -> int:
        """Return how many copies are made, beside the input itself."""
        if self._all(players):
            return int(2**players) - 1
        if self.samples < players + 2:
            raise UsageError(
                f"lime:samples={self.samples} is too few for {players} segments",
                reason="a fit needs two copies more than segments",
                mend=f"write samples={10 * players}, or larger segments with grid=",
            )
        return self.samples - 1

    def _all(self, players: int) -> bool:
        return players < 63 and 2**players <= self.samples

    def _stay(self, key: bytes, numbers: Rows, players: int) -> Array:
        if self._all(players):
            return bits(numbers, players)
        return np.asarray(numbered(key, "copies", numbers, players) < 0.5)

    def _fit(self, copies: Array, scores: Array) -> Floats:
        """Return the coefficients (M,) of copies (n, M) that have these scores (n,)."""
        away = 1 - np.sqrt(copies.mean(axis=1))
        near = np.exp(-((away / self.width) ** 2) / 2)
        centred = copies - near @ copies / near.sum()
        rest = scores - near @ scores / near.sum()
        root = np.sqrt(near)
        design, goal = root[:, np.newaxis] * centred, root * rest
        if self.ridge:
            players = copies.shape[1]
            design = np.vstack([design, np.sqrt(self.ridge) * np.eye(players)])
            goal = np.append(goal, np.zeros(players))
        return np.asarray(np.linalg.lstsq(design, goal, rcond=None)[0])

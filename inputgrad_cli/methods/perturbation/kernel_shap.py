"""Shapley values of segments: exact for few, fitted for many."""

from dataclasses import dataclass, replace
from itertools import combinations
from math import comb

import numpy as np

from inputgrad_cli.data.attribution import Finding, completeness, sums
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case, methods
from inputgrad_cli.methods.perturbation._masking import Segmenting, bits, painted, scored
from inputgrad_cli.numeric.arrays import Array, Arrays, Floats
from inputgrad_cli.numeric.probes import Rows
from inputgrad_cli.numeric.random_streams import uniform
from inputgrad_cli.registry import param

Design = tuple[Array, Floats]
USUAL = 2048


@methods.register
@dataclass(frozen=True)
class KernelShap(Segmenting):
    """Shapley values of the segments, in the game of the score of what is left of the input.

    Values are the mean, over all orders in which the segments come back, of the score that one
    brings, shared evenly among its values: (B, ...) as the input, in units of the score. They sum
    to score - baseline score. Where all 2^M - 2 coalitions are no more than `samples` they are
    exact; else a fit under the Shapley kernel, over all coalitions of the sizes that there is room
    for (the smallest and the largest come first) and, for the other sizes, over random ones and
    their complements, with the sum kept exactly.
    Lundberg and Lee 2017, arXiv:1705.07874.
    """

    name = "kernel-shap"
    paper = "arXiv:1705.07874"
    known_as = ("shap", "kernel-explainer", "shapley", "shapley-values")
    complete = True
    random = True
    linear_exact = "difference times gradient"
    unused = "near zero"
    most = 1024

    samples: int | None = param(
        None, f"number of coalitions; unset: {USUAL} + 2 for each segment", least=2
    )

    @property
    def quantity(self) -> str:
        """Return what a value is."""
        return "Shapley value, shared by the numbers of a segment, of the {space}"

    @property
    def passes(self) -> int:
        """Return the coalitions."""
        return self.samples or USUAL

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the Shapley values, with the completeness of each sample."""
        players = self.players(case)
        designs = [self._design(case.keys[row], len(each)) for row, each in enumerate(players)]
        base, clean = engine.scores(case.baseline, case.target), case.clean_scores(engine)
        counts = [
            2 ** len(p) - 2 if d is None else len(d[0])
            for p, d in zip(players, designs, strict=True)
        ]

        def masks(row: int, numbers: Rows) -> Arrays:
            design, segments = designs[row], players[row]
            stay = bits(numbers + 1, len(segments)) if design is None else design[0][numbers]
            return segments.spread(stay)

        scores = scored(engine, case, counts, masks)
        values = []
        for row, (segments, design) in enumerate(zip(players, designs, strict=True)):
            ends = float(base[row]), float(clean[row])
            own = scores[row]
            each = _exact(own, *ends) if design is None else _fit(design, own, *ends)
            values.append(each / segments.sizes)
        found = painted(case, players, values)
        check = completeness(sums(found.values), clean, base, np.add(counts, 2), case.tolerance)
        return replace(found, baseline_scores=base, completeness=check)

    def _design(self, key: bytes, players: int) -> Design | None:
        """Return coalitions (n, M) and their weights (n,); None where all are asked for."""
        samples = self.samples or USUAL + 2 * players
        if players < 31 and 2**players - 2 <= samples:
            return None
        if samples < 4 * players:
            raise UsageError(
                f"kernel-shap:samples={samples} is too few for {players} segments",
                reason="a fit needs four coalitions for each of them",
                mend=f"write samples={10 * players}, or larger segments with grid=",
            )
        return _coalitions(key, players, samples)


def _coalitions(key: bytes, players: int, samples: int) -> Design:
    """Return all coalitions of the outer sizes, as far as they go, and draws of the inner ones."""
    sizes = np.arange(1, players // 2 + 1)
    kernel = (players - 1) / (sizes * (players - sizes)) * np.where(2 * sizes == players, 1, 2)
    kernel /= kernel.sum()
    rows: list[Array] = []
    shares: list[Floats] = []
    for place, size in enumerate(sizes):
        number = comb(players, int(size)) * (1 if 2 * size == players else 2)
        if number > (samples - sum(map(len, rows))) * kernel[place] / kernel[place:].sum():
            room = max(samples - sum(map(len, rows)), 2) // 2
            rows.append(_drawn(key, players, sizes[place:], kernel[place:], room))
            shares.append(np.full(2 * room, kernel[place:].sum() / (2 * room)))
            break
        rows.append(_all_of(players, int(size)))
        shares.append(np.full(number, kernel[place] / number))
    return np.concatenate(rows), np.concatenate(shares)


def _all_of(players: int, size: int) -> Array:
    """Return all coalitions of a size, and their complements where these are others."""
    chosen = np.array(list(combinations(range(players), size)))
    rows = np.zeros((len(chosen), players), bool)
    np.put_along_axis(rows, chosen, True, axis=1)
    return rows if 2 * size == players else np.concatenate([rows, ~rows])


def _drawn(key: bytes, players: int, sizes: Array, kernel: Floats, pairs: int) -> Array:
    """Return random coalitions of the sizes, each with its complement."""
    ends = np.cumsum(kernel) / kernel.sum()
    draws = uniform(key, "coalitions", 0, (pairs, players + 1))
    size = sizes[np.minimum(np.searchsorted(ends, draws[:, 0], side="right"), len(sizes) - 1)]
    ranks = draws[:, 1:].argsort(axis=1).argsort(axis=1)
    rows = ranks < size[:, np.newaxis]
    return np.concatenate([rows, ~rows])


def _exact(scores: Array, base: float, clean: float) -> Floats:
    """Return the Shapley values from the scores of all coalitions, in the order of their bits."""
    table = np.concatenate([[base], scores, [clean]])
    players = len(table).bit_length() - 1
    sets = np.arange(len(table))
    sizes = bits(sets, players).sum(axis=1)
    share = np.array([1 / (players * comb(players - 1, size)) for size in range(players)])
    values = np.empty(players)
    for player in range(players):
        without = sets[sets >> player & 1 == 0]
        values[player] = share[sizes[without]] @ (table[without | 1 << player] - table[without])
    return values


def _fit(design: Design, scores: Array, base: float, clean: float) -> Floats:
    """Return the weighted fit of the coalitions whose values sum to clean - base."""
    coalitions, shares = design
    last = coalitions[:, -1:].astype(np.float64)
    root = np.sqrt(shares)
    goal = scores - base - (clean - base) * last[:, 0]
    lines = root[:, np.newaxis] * (coalitions[:, :-1] - last)
    values = np.linalg.lstsq(lines, root * goal, rcond=None)[0]
    return np.append(values, clean - base - values.sum())

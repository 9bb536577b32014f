"""Shapley values of segments, exact for few segments and fitted for many."""

from dataclasses import dataclass, replace
from itertools import combinations
from math import comb

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult, compute_completeness, sum_sites
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
from inputgrad_cli.numeric.random_streams import draw_uniform
from inputgrad_cli.registry import declare_parameter

Design = tuple[Array, Floats]
# The default of the authors' package, shap.
DEFAULT_SAMPLES = 2048  # coalitions, to which two per segment are added


@methods.register
@dataclass(frozen=True)
class KernelShap(SegmentMethod):
    """Shapley values of the segments, where the game is the score with the others removed.

    Values are the mean, over all orders in which segments can be added to the baseline, of the
    score that a segment adds, divided evenly among its values: (B, ...) as the input, in units of
    the score. They sum to score - baseline score. If `samples` allows all 2^M - 2 coalitions, they
    are exact. Else they are a fit with the weights of the Shapley kernel, in which the sum is kept
    exactly: over all coalitions of the smallest and largest sizes, as far as `samples` allows, and
    over random coalitions of the other sizes and their complements.
    Lundberg and Lee 2017, arXiv:1705.07874.
    """

    name = "kernel-shap"
    paper = "arXiv:1705.07874"
    aliases = ("shap", "kernel-explainer", "shapley", "shapley-values")
    complete = True
    random = True
    linear_exact = "difference times gradient"
    unused = "near zero"
    max_segments = 1024

    samples: int | None = declare_parameter(
        None, f"number of coalitions; unset: {DEFAULT_SAMPLES} + 2 for each segment", minimum=2
    )

    @property
    def quantity(self) -> str:
        """Return the label of colour bars."""
        return "Shapley value, shared by the numbers of a segment, of the {space}"

    @property
    def passes(self) -> int:
        """Return the number of coalitions."""
        return self.samples or DEFAULT_SAMPLES

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the Shapley values, with the completeness of each sample."""
        segments = self.find_segments(batch)
        designs = [
            self._build_design(batch.seeds[row], len(sample_segments))
            for row, sample_segments in enumerate(segments)
        ]
        base, clean = (
            engine.compute_scores(batch.baseline, batch.target),
            batch.compute_clean_scores(engine),
        )
        counts = [
            2 ** len(p) - 2 if d is None else len(d[0])
            for p, d in zip(segments, designs, strict=True)
        ]

        def build_masks(row: int, indices: Indices) -> Arrays:
            design, sample_segments = designs[row], segments[row]
            coalitions = (
                # Number 0, the empty coalition, is the baseline, whose score is known.
                unpack_bits(indices + 1, len(sample_segments))
                if design is None
                else design[0][indices]
            )
            return sample_segments.spread(coalitions)

        scores = compute_masked_scores(engine, batch, counts, build_masks)
        values = []
        for row, (sample_segments, design) in enumerate(zip(segments, designs, strict=True)):
            ends = float(base[row]), float(clean[row])
            sample_scores = scores[row]
            shapley = (
                _compute_exact_values(sample_scores, *ends)
                if design is None
                else _fit(design, sample_scores, *ends)
            )
            values.append(shapley / sample_segments.sizes)
        result = fill_segments(batch, segments, values)
        evaluations = np.add(counts, 2)  # with the empty coalition and the full one
        check = compute_completeness(
            sum_sites(result.values), clean, base, evaluations, batch.tolerance
        )
        return replace(result, baseline_scores=base, completeness=check)

    def _build_design(self, seed: bytes, players: int) -> Design | None:
        """Return coalitions (n, M) and their weights (n,); None if all coalitions are used."""
        samples = self.samples or DEFAULT_SAMPLES + 2 * players
        # 2**31 coalitions would never fit, and larger powers only cost time.
        if players < 31 and 2**players - 2 <= samples:
            return None
        if samples < 4 * players:
            raise UsageError(
                f"kernel-shap:samples={samples} is too few for {players} segments",
                reason="a fit needs four coalitions for each of them",
                hint=f"write samples={10 * players}, or larger segments with grid=",
            )
        return _build_coalitions(seed, players, samples)


def _build_coalitions(seed: bytes, players: int, samples: int) -> Design:
    """Return all coalitions of the outer sizes that fit, and random ones of the inner sizes."""
    sizes = np.arange(1, players // 2 + 1)
    # Each entry stands for a size and for that of the complements, unless they are equal.
    kernel = (players - 1) / (sizes * (players - sizes)) * np.where(2 * sizes == players, 1, 2)
    kernel /= kernel.sum()
    rows: list[Array] = []
    shares: list[Floats] = []
    for i, size in enumerate(sizes):
        coalitions = comb(players, int(size)) * (1 if 2 * size == players else 2)
        # Sizes are enumerated as long as this takes no more than their share of the samples.
        if coalitions > (samples - sum(map(len, rows))) * kernel[i] / kernel[i:].sum():
            room = max(samples - sum(map(len, rows)), 2) // 2
            rows.append(_draw_coalitions(seed, players, sizes[i:], kernel[i:], room))
            shares.append(np.full(2 * room, kernel[i:].sum() / (2 * room)))
            break
        rows.append(_list_coalitions(players, int(size)))
        shares.append(np.full(coalitions, kernel[i] / coalitions))
    return np.concatenate(rows), np.concatenate(shares)


def _list_coalitions(players: int, size: int) -> Array:
    """Return all coalitions of a size, and their complements if these have another size."""
    chosen = np.array(list(combinations(range(players), size)))
    rows = np.zeros((len(chosen), players), bool)
    np.put_along_axis(rows, chosen, True, axis=1)
    return rows if 2 * size == players else np.concatenate([rows, ~rows])


def _draw_coalitions(seed: bytes, players: int, sizes: Array, kernel: Floats, pairs: int) -> Array:
    """Return random coalitions of the sizes, each with its complement."""
    ends = np.cumsum(kernel) / kernel.sum()
    draws = draw_uniform(seed, "coalitions", 0, (pairs, players + 1))
    # Rounding may leave the last end below 1, and a draw above it.
    size = sizes[np.minimum(np.searchsorted(ends, draws[:, 0], side="right"), len(sizes) - 1)]
    ranks = draws[:, 1:].argsort(axis=1).argsort(axis=1)
    # The players with the lowest ranks form the coalition.
    rows = ranks < size[:, np.newaxis]
    return np.concatenate([rows, ~rows])


def _compute_exact_values(scores: Array, base: float, clean: float) -> Floats:
    """Return the Shapley values from the scores of all coalitions, in binary order."""
    table = np.concatenate([[base], scores, [clean]])
    players = len(table).bit_length() - 1
    sets = np.arange(len(table))
    sizes = unpack_bits(sets, players).sum(axis=1)
    # Shapley weight of the coalitions of each size that do not contain the player.
    share = np.array([1 / (players * comb(players - 1, size)) for size in range(players)])
    values = np.empty(players)
    for player in range(players):
        without = sets[sets >> player & 1 == 0]
        values[player] = share[sizes[without]] @ (table[without | 1 << player] - table[without])
    return values


def _fit(design: Design, scores: Array, base: float, clean: float) -> Floats:
    """Return the weighted least-squares fit whose values sum to clean - base."""
    coalitions, shares = design
    # The constraint on the sum is met by eliminating the last coefficient.
    last = coalitions[:, -1:].astype(np.float64)
    root = np.sqrt(shares)
    goal = scores - base - (clean - base) * last[:, 0]
    lines = root[:, np.newaxis] * (coalitions[:, :-1] - last)
    values = np.linalg.lstsq(lines, root * goal, rcond=None)[0]
    return np.append(values, clean - base - values.sum())

"""The base of methods that average an inner method over noisy copies of the input."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch, Method, methods
from inputgrad_cli.methods._monte_carlo import compute_mean_of_draws, draw_until
from inputgrad_cli.methods._point_chunks import Indices
from inputgrad_cli.numeric.array_helpers import Array, Arrays, expand_like
from inputgrad_cli.numeric.random_streams import compute_range, draw_normal
from inputgrad_cli.numeric.running_moments import Moments
from inputgrad_cli.registry import declare_parameter


class MeanAccumulator:
    """The running mean of terms, each computed from the maps of one draw."""

    def __init__(self, like: Arrays) -> None:
        self.mean = Moments(like)

    def add(self, row: int, maps: Sequence[Arrays]) -> None:
        """Add the maps of one draw of a sample: one copy, or an antithetic pair."""
        self.mean.add(row, {site: self.combine_maps([m[site] for m in maps]) for site in maps[0]})

    def combine_maps(self, values: Sequence[Array]) -> Array:
        """Return the term of one site, which is the mean of its maps."""
        if len(values) == 1:
            return values[0]
        return np.asarray(sum(values[1:], values[0].astype(np.float64)) / len(values))


@dataclass(frozen=True)
class NoisyMethod(Method):
    """A mean over copies of the input with Gaussian noise, of terms from an inner method.

    `aggregation` describes in words what is done with the values of the inner method. The standard
    deviation of the noise is `noise` times the sample's max - min, for each input.
    """

    family = "gradient"
    random = True
    aggregation: ClassVar[str] = "mean over noisy copies"

    # From the paper: noise of 10 to 20 % suits most pictures, and beyond 50 copies little changes.
    samples: int = declare_parameter(50, "number of noisy copies, at most", minimum=1)
    noise: float = declare_parameter(
        0.15, "noise level, as a share of the sample's max - min", minimum=0.0
    )
    of: str = declare_parameter("gradient", "the inner method, quoted when it has parameters")
    se: float | None = declare_parameter(
        None, "stop at this standard error: the map's mean over its largest value", minimum=0.0
    )
    antithetic: bool = declare_parameter(False, "draw the noise in pairs, +n and -n")

    def __post_init__(self) -> None:
        """Refuse an inner method that is unknown or random, and too few samples."""
        if self.inner.random:
            raise UsageError(
                f"{self.name}:of={self.inner.name} averages an average",
                hint="raise samples=, or take an inner method that draws nothing",
            )
        least = self.copies_per_draw * self.min_draws
        if self.samples < least or self.samples % self.copies_per_draw:
            raise UsageError(
                f"{self.name} needs samples={least} or more, and an even number in pairs"
                if self.antithetic
                else f"{self.name} needs samples={least} or more",
                hint=f"raise samples={self.samples}",
            )

    @property
    def min_draws(self) -> int:
        """Return the least number of draws that the definition allows."""
        return 1

    @property
    def copies_per_draw(self) -> int:
        """Return the number of noisy copies in one draw."""
        return 2 if self.antithetic else 1

    @cached_property
    def inner(self) -> Method:
        """Return the inner method."""
        return methods.build(self.of)

    @property
    def uses_baseline(self) -> bool:
        """Return whether the inner method uses the baseline."""
        return self.inner.uses_baseline

    @property
    def multiplies_by_input(self) -> bool:
        """Return the value of the inner method: the noise around an input of zeros is zero."""
        return self.inner.multiplies_by_input

    @property
    def passes(self) -> int:
        """Return the number of copies times the cost of the inner method."""
        return self.samples * self.inner.passes

    @property
    def per_input(self) -> bool:
        """Return the value of the inner method."""
        return self.inner.per_input

    @property
    def quantity(self) -> str:
        """Return the label of colour bars."""
        return f"{self.aggregation} of {self.inner.quantity}"

    def build_accumulator(self, like: Arrays) -> MeanAccumulator:
        """Return the accumulator of this method, without terms."""
        return MeanAccumulator(like)

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the mean over the noisy copies. Memory does not grow with `samples`."""
        accumulator = self.build_accumulator({site: batch.inputs[site] for site in batch.sites})
        disconnected: list[frozenset[str]] = []
        broadcast_sites: list[frozenset[str]] = []

        def draw(rows: Indices, indices: Indices) -> list[MethodResult]:
            clean = batch.take(rows)
            noise = draw_noise(clean, indices, self.noise)
            # An antithetic pair uses the same noise twice, with both signs.
            signs = (1, -1)[: self.copies_per_draw]
            return [self.inner.attribute(engine, _add_noise(clean, noise, sign)) for sign in signs]

        def add(rows: Indices, results: list[MethodResult]) -> None:
            for i, row in enumerate(rows):
                maps = [{s: result.values[s][i] for s in batch.sites} for result in results]
                accumulator.add(int(row), maps)
            broadcast_sites[:] = [results[0].broadcast_sites]
            in_all = (result.disconnected for result in results)
            disconnected[:] = [frozenset(batch.sites).intersection(*disconnected, *in_all)]

        draw_until(
            engine,
            accumulator.mean,
            draw=draw,
            add=add,
            total=self.samples // self.copies_per_draw,
            error=self.se,
            parallel=batch.parallel,
        )
        # The first draw of a variance gives no term, but is counted as a draw.
        counts = (accumulator.mean.counts + self.min_draws - 1) * self.copies_per_draw
        return replace(
            compute_mean_of_draws(accumulator.mean, counts, *disconnected),
            broadcast_sites=broadcast_sites[0],
        )


def draw_noise(batch: Batch, indices: Indices, level: float) -> Arrays:
    """Return the Gaussian noise of the given draws, by site; `level` is a share of max - min."""
    noise = {}
    for site in batch.sites:
        clean = batch.inputs[site]
        # From sample and index alone, so that neither the batch size nor an early stop of other
        # samples changes a draw.
        draws = [
            draw_normal(seed, site, int(index), clean.shape[1:])
            for seed, index in zip(batch.seeds, indices, strict=True)
        ]
        noise[site] = expand_like(
            (level * compute_range(clean)).astype(np.float32), clean
        ) * np.stack(draws)
    return noise


def _add_noise(batch: Batch, noise: Arrays, sign: int) -> Batch:
    """Return the batch with the noise added, or subtracted if `sign` is -1."""
    return batch.replace_inputs(
        {**batch.inputs, **{s: batch.inputs[s] + sign * n for s, n in noise.items()}}
    )

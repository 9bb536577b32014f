"""What the methods over noisy copies share: the copies, the inner method, the loop."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case, Method, methods
from inputgrad_cli.methods._monte_carlo import draw_until, drawn
from inputgrad_cli.numeric.arrays import Array, Arrays, across
from inputgrad_cli.numeric.probes import Moments, Rows
from inputgrad_cli.numeric.random_streams import normal, spread
from inputgrad_cli.registry import param


class Terms:
    """The running mean of a method's terms; a term is made of the maps of one draw."""

    def __init__(self, like: Arrays) -> None:
        self.mean = Moments(like)

    def add(self, row: int, maps: Sequence[Arrays]) -> None:
        """Take in the maps of one draw of a sample: one copy, or two that mirror each other."""
        self.mean.add(row, {site: self.term([m[site] for m in maps]) for site in maps[0]})

    def term(self, values: Sequence[Array]) -> Array:
        """Return the term of one site: the mean of the maps."""
        if len(values) == 1:
            return values[0]
        return np.asarray(sum(values[1:], values[0].astype(np.float64)) / len(values))


@dataclass(frozen=True)
class Noisy(Method):
    """A mean over copies of the input with Gaussian noise, of terms made of an inner method.

    `of_copies` says what is done with the inner method's values, in words.
    The standard deviation of the noise is `noise` times the sample's max - min, input by input.
    """

    family = "gradient"
    random = True
    of_copies: ClassVar[str] = "mean over noisy copies"

    samples: int = param(50, "number of noisy copies, at most", least=1)
    noise: float = param(0.15, "noise level, as a share of the sample's max - min", least=0.0)
    of: str = param("gradient", "the inner method, quoted when it has parameters")
    se: float | None = param(
        None, "stop at this standard error: the map's mean over its largest value", least=0.0
    )
    antithetic: bool = param(False, "draw the noise in pairs, +n and -n")

    def __post_init__(self) -> None:
        """Refuse an inner method that is unknown or draws itself, and too few samples."""
        if self.inner.random:
            raise UsageError(
                f"{self.name}:of={self.inner.name} averages an average",
                mend="raise samples=, or take an inner method that draws nothing",
            )
        least = self.width * self.least_draws
        if self.samples < least or self.samples % self.width:
            raise UsageError(
                f"{self.name} needs samples={least} or more, and an even number in pairs"
                if self.antithetic
                else f"{self.name} needs samples={least} or more",
                mend=f"raise samples={self.samples}",
            )

    @property
    def least_draws(self) -> int:
        """Return how many draws the definition needs."""
        return 1

    @property
    def width(self) -> int:
        """Return how many copies make one draw."""
        return 2 if self.antithetic else 1

    @cached_property
    def inner(self) -> Method:
        """Return the inner method."""
        return methods.build(self.of)

    @property
    def uses_baseline(self) -> bool:
        """Return whether the inner method looks at the baseline."""
        return self.inner.uses_baseline

    @property
    def passes(self) -> int:
        """Return the copies times the cost of the inner method."""
        return self.samples * self.inner.passes

    @property
    def per_input(self) -> bool:
        """Return what holds for the inner method."""
        return self.inner.per_input

    @property
    def quantity(self) -> str:
        """Return what a value is."""
        return f"{self.of_copies} of {self.inner.quantity}"

    def terms(self, like: Arrays) -> Terms:
        """Return the empty mean of this method's terms."""
        return Terms(like)

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the mean over the noisy copies; memory does not grow with `samples`."""
        terms = self.terms({site: case.inputs[site] for site in case.sites})
        apart: list[frozenset[str]] = []
        copied: list[frozenset[str]] = []

        def draw(rows: Rows, numbers: Rows) -> list[Finding]:
            part = case.take(rows)
            noise = noises(part, numbers, self.noise)
            signs = (1, -1)[: self.width]
            return [self.inner.attribute(engine, _moved(part, noise, sign)) for sign in signs]

        def add(rows: Rows, found: list[Finding]) -> None:
            for place, row in enumerate(rows):
                maps = [{s: f.values[s][place] for s in case.sites} for f in found]
                terms.add(int(row), maps)
            copied[:] = [found[0].copied]
            apart[:] = [
                frozenset(case.sites).intersection(*apart, *(f.disconnected for f in found))
            ]

        draw_until(engine, terms.mean, self.samples // self.width, self.se, draw, add)
        counts = (terms.mean.counts + self.least_draws - 1) * self.width
        return replace(drawn(terms.mean, counts, *apart), copied=copied[0])


def noises(part: Case, numbers: Rows, level: float) -> Arrays:
    """Return the Gaussian noise of numbered draws, by site; `level` is a share of max - min."""
    noise = {}
    for site in part.sites:
        clean = part.inputs[site]
        draws = [
            normal(key, site, int(number), clean.shape[1:])
            for key, number in zip(part.keys, numbers, strict=True)
        ]
        noise[site] = across((level * spread(clean)).astype(np.float32), clean) * np.stack(draws)
    return noise


def _moved(part: Case, noise: Arrays, sign: int) -> Case:
    return part.moved({**part.inputs, **{s: part.inputs[s] + sign * n for s, n in noise.items()}})

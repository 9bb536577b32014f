"""What the methods that draw their baselines from a dataset share: the draws and the loop."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.interfaces.engine import Engine, Gradients
from inputgrad_cli.interfaces.method import Case, Method
from inputgrad_cli.methods._monte_carlo import draw_until, drawn
from inputgrad_cli.methods._requirements import references
from inputgrad_cli.numeric.arrays import Array, Arrays, across, count
from inputgrad_cli.numeric.probes import Moments, Rows
from inputgrad_cli.numeric.random_streams import uniform
from inputgrad_cli.registry import param


@dataclass(frozen=True)
class Referring(Method):
    """A mean over random points on lines from random samples of a dataset to the input."""

    family = "path"
    random = True
    needs = "dataset"

    samples: int = param(50, "number of draws, at most", least=1)
    se: float | None = param(
        None, "stop at this standard error: the map's mean over its largest value", least=0.0
    )

    @property
    def uses_baseline(self) -> bool:
        """Return True: lines start there."""
        return True

    @property
    def passes(self) -> int:
        """Return the draws: one gradient each."""
        return self.samples

    def ends(self, part: Case, numbers: Rows) -> Arrays:
        """Return where the lines end, by site: at the input."""
        return {site: part.inputs[site] for site in part.sites}

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the mean over the draws; memory does not grow with `samples`."""
        starts = references(self, case)
        terms = Moments({site: case.inputs[site] for site in case.sites})
        apart: list[frozenset[str]] = []

        def draw(rows: Rows, numbers: Rows) -> tuple[Arrays, Gradients]:
            part = case.take(rows)
            picked, places = _chosen(part, numbers, count(starts))
            stops = self.ends(part, numbers)
            ways = {s: stops[s] - starts[s][picked] for s in case.sites}
            points = {
                s: (starts[s][picked] + across(places, ways[s]) * ways[s]).astype(np.float32)
                for s in case.sites
            }
            return ways, engine.gradients({**part.inputs, **points}, part.target, case.sites)

        def add(rows: Rows, drawn: tuple[Arrays, Gradients]) -> None:
            ways, found = drawn
            for place, row in enumerate(rows):
                term = {s: ways[s][place] * found.values[s][place] for s in case.sites}
                terms.add(int(row), term)
            apart[:] = [found.disconnected.intersection(*apart)]

        draw_until(engine, terms, self.samples, self.se, draw, add)
        return drawn(terms, terms.counts.copy(), *apart)


def _chosen(part: Case, numbers: Rows, known: int) -> tuple[Rows, Array]:
    """Return for each draw the number of its baseline, and its place on the line in [0, 1)."""
    pairs = [
        uniform(key, "reference", int(number), (2,))
        for key, number in zip(part.keys, numbers, strict=True)
    ]
    both = np.asarray(pairs, np.float64)
    return (both[:, 0] * known).astype(np.intp), both[:, 1]

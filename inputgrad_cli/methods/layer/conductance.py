"""How much of the score flows through each unit of a layer."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from inputgrad_cli.choices import LAYER
from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine, LayerPass
from inputgrad_cli.interfaces.method import Case, methods
from inputgrad_cli.methods._lines import on_lines
from inputgrad_cli.methods._parallel import overlapped
from inputgrad_cli.methods.layer._base import Layered
from inputgrad_cli.methods.path._refine import Walked, refined
from inputgrad_cli.numeric.arrays import Array, Floats
from inputgrad_cli.numeric.probes import Rows, chunks
from inputgrad_cli.registry import param

FIRST = 16


def inside(method: Layered, engine: Engine, case: Case) -> str:
    """Return the layer to look at while the inputs move; UsageError where it is what moves."""
    tap = method.tap(engine, case)
    if tap == case.at:
        raise UsageError(
            f"{method.name}: the line leads from baseline to input, not through the layer's values",
            reason=f"--wrt {tap} moves the layer itself",
            mend=f"write {method.name}:layer={tap.removeprefix(LAYER)}, without --wrt; "
            "or take -m integrated-gradients with it",
        )
    return tap


def along(
    engine: Engine, case: Case, tap: str, nodes: Array
) -> Iterator[tuple[Rows, Rows, LayerPass]]:
    """Return rows, numbers of nodes, and what goes on at the layer there, on each sample's line."""

    def ask(rows: Rows, numbers: Rows) -> LayerPass:
        return engine.layer(on_lines(case, rows, nodes[numbers]), case.target.take(rows), tap)

    return overlapped(engine, chunks(len(case), len(nodes), engine.batch_size), ask)


@methods.register
@dataclass(frozen=True)
class Conductance(Layered):
    """Gradients at a layer along the line from the baseline, times how its units change there.

    Values are the integral of d score / d A times dA along the line, (B, ...) as the layer, in
    units of the score; where all ways lead through the layer they sum to score - baseline score.
    The line is cut into pieces (trapezoid rule), and into three times as many until they do.
    Dhamdhere et al. 2018, arXiv:1805.12233; computed as by Shrikumar et al. 2018, arXiv:1807.09946.
    """

    name = "conductance"
    paper = "arXiv:1805.12233"
    known_as = ("layer-conductance", "neuron-conductance")
    complete = True

    steps: int | None = param(
        None, "pieces of the line; unset: as many as the tolerance needs", least=1
    )
    max_steps: int = param(1296, "where refining ends", least=FIRST)

    @property
    def uses_baseline(self) -> bool:
        """Return True: the line starts there."""
        return True

    @property
    def passes(self) -> int:
        """Return the steps, or a usual number where they are refined."""
        return (self.steps or 3 * FIRST) + 1

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the integral, with the completeness of each sample."""
        tap = inside(self, engine, case)
        ends = case.clean_scores(engine), engine.scores(case.baseline, case.target)
        walk = partial(_walk, engine, tap)
        found = refined(walk, case, ends, self.steps or FIRST, self.steps or self.max_steps)
        return replace(found, facts={"layer": tap})


def _walk(engine: Engine, tap: str, case: Case, steps: int) -> Walked:
    total: Floats = np.zeros(0)
    before: dict[int, tuple[Array, Array]] = {}
    apart = False
    for rows, numbers, found in along(engine, case, tap, np.arange(steps + 1) / steps):
        apart = found.disconnected
        if not total.size:
            total = np.zeros((len(case), *found.values.shape[1:]), np.float64)
        for place, (row, number) in enumerate(zip(rows, numbers, strict=True)):
            now = (found.values[place].astype(np.float64), found.gradients[place])
            if number:
                values, slopes = before[int(row)]
                total[row] += (now[1] + slopes) / 2 * (now[0] - values)
            before = {int(row): now}
    return {tap: total}, frozenset({tap} if apart else ())

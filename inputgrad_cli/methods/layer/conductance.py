"""The part of the score that flows through each unit of a layer."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine, LayerPass
from inputgrad_cli.interfaces.method import Batch, methods
from inputgrad_cli.methods._line_interpolation import interpolate_lines
from inputgrad_cli.methods._parallel import map_chunks
from inputgrad_cli.methods._point_chunks import Indices, split_probes
from inputgrad_cli.methods.layer._base import LayerMethod
from inputgrad_cli.methods.path._refine import PathResult, refine_steps
from inputgrad_cli.numeric.array_helpers import Array, Floats
from inputgrad_cli.option_choices import LAYER
from inputgrad_cli.registry import declare_parameter

FIRST_STEPS = 16  # steps before completeness is checked for the first time
MAX_STEPS = FIRST_STEPS * 3**4  # refining triples the steps


def require_inner_layer(method: LayerMethod, engine: Engine, batch: Batch) -> str:
    """Return the tap of the layer; UsageError if it is the one that `--wrt` changes."""
    tap = method.find_tap(engine, batch)
    if tap == batch.layer:
        raise UsageError(
            f"{method.name}: the line leads from baseline to input, not through the layer's values",
            reason=f"--wrt {tap} moves the layer itself",
            hint=f"write {method.name}:layer={tap.removeprefix(LAYER)}, without --wrt; "
            "or take -m integrated-gradients with it",
        )
    return tap


def run_along_lines(
    engine: Engine, batch: Batch, tap: str, nodes: Array
) -> Iterator[tuple[Indices, Indices, LayerPass]]:
    """Yield rows, indices of nodes, and the passes of the layer at these nodes of the lines."""

    def compute(rows: Indices, indices: Indices) -> LayerPass:
        return engine.compute_layer(
            interpolate_lines(batch, rows, nodes[indices]), batch.target.take(rows), tap
        )

    chunks = split_probes(len(batch), len(nodes), engine.batch_size)
    return map_chunks(engine, chunks, compute, parallel=batch.parallel)


@methods.register
@dataclass(frozen=True)
class Conductance(LayerMethod):
    """Gradients at a layer along the line from the baseline, times how its units change there.

    Values are the integral of d score / d A times dA along the line, (B, ...) as the layer, in
    units of the score; if all paths lead through the layer they sum to score - baseline score. The
    line is divided into steps (trapezoid rule), whose number is tripled until that sum is right.
    Dhamdhere et al. 2018, arXiv:1805.12233; computed as by Shrikumar et al. 2018, arXiv:1807.09946.
    """

    name = "conductance"
    paper = "arXiv:1805.12233"
    aliases = ("layer-conductance", "neuron-conductance")
    complete = True

    steps: int | None = declare_parameter(
        None, "pieces of the line; unset: as many as the tolerance needs", minimum=1
    )
    max_steps: int = declare_parameter(
        MAX_STEPS, "largest number of steps when they are refined", minimum=FIRST_STEPS
    )

    @property
    def uses_baseline(self) -> bool:
        """Return True, because the line starts at the baseline."""
        return True

    @property
    def passes(self) -> int:
        """Return the steps and one, or a typical number if steps are refined."""
        return (self.steps or 3 * FIRST_STEPS) + 1

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the integral, with the completeness of each sample."""
        tap = require_inner_layer(self, engine, batch)
        ends = (
            batch.compute_clean_scores(engine),
            engine.compute_scores(batch.baseline, batch.target),
        )
        integrate = partial(_integrate, engine, tap)
        result = refine_steps(
            integrate, batch, ends, self.steps or FIRST_STEPS, self.steps or self.max_steps
        )
        return replace(result, facts={"layer": tap})


def _integrate(engine: Engine, tap: str, batch: Batch, steps: int) -> PathResult:
    """Return the conductance with `steps` steps, (B, ...) as the layer."""
    total: Floats = np.zeros(0)
    previous: dict[int, tuple[Array, Array]] = {}
    disconnected = False
    for rows, indices, layer_pass in run_along_lines(
        engine, batch, tap, np.arange(steps + 1) / steps
    ):
        disconnected = layer_pass.disconnected
        if not total.size:
            total = np.zeros((len(batch), *layer_pass.values.shape[1:]), np.float64)
        for i, (row, index) in enumerate(zip(rows, indices, strict=True)):
            current = (layer_pass.values[i].astype(np.float64), layer_pass.gradients[i])
            if index:
                values, gradients = previous[int(row)]
                # The mean gradient at the ends of a step, times the units' change along it.
                total[row] += (current[1] + gradients) / 2 * (current[0] - values)
            # The nodes of a sample follow each other, so only the last one is needed.
            previous = {int(row): current}
    return {tap: total}, frozenset({tap} if disconnected else ())

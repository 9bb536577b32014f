"""The mean gradient at a layer along the line from the baseline."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch, methods
from inputgrad_cli.methods.layer._base import LayerMethod
from inputgrad_cli.methods.layer.conductance import require_inner_layer, run_along_lines
from inputgrad_cli.numeric.quadrature import RULES, build_rule
from inputgrad_cli.registry import declare_parameter


@methods.register
@dataclass(frozen=True)
class InternalInfluence(LayerMethod):
    """Mean gradient at a layer's output along the line from the baseline to the input.

    Values are the integral of d score / d A over the line, (B, ...) as the layer, in score per unit
    of its output.
    Leino et al. 2018, arXiv:1802.03788.
    """

    name = "internal-influence"
    paper = "arXiv:1802.03788"
    reduce = "max-abs"

    steps: int = declare_parameter(50, "gradient evaluations", minimum=1)
    rule: str = declare_parameter(
        "midpoint", "where on the line the gradients are taken", choices=RULES
    )

    def __post_init__(self) -> None:
        """Refuse a rule with too few steps."""
        build_rule(self.rule, self.steps)

    @property
    def per_input(self) -> bool:
        """Return True, because values are gradients."""
        return True

    @property
    def quantity(self) -> str:
        """Return the label of colour bars."""
        return "{space} per unit of the layer's output"

    @property
    def uses_baseline(self) -> bool:
        """Return True, because the line starts at the baseline."""
        return True

    @property
    def passes(self) -> int:
        """Return the steps."""
        return self.steps

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the mean, (B, ...) as the layer."""
        tap = require_inner_layer(self, engine, batch)
        nodes, weights = build_rule(self.rule, self.steps)
        total = np.zeros(0)
        disconnected = False
        for rows, indices, layer_pass in run_along_lines(engine, batch, tap, nodes):
            disconnected = layer_pass.disconnected
            if not total.size:
                total = np.zeros((len(batch), *layer_pass.gradients.shape[1:]), np.float64)
            for i, row in enumerate(rows):
                total[row] += weights[indices[i]] * layer_pass.gradients[i]
        values = {tap: total.astype(np.float32)}
        return MethodResult(
            values, disconnected=frozenset(values if disconnected else ()), facts={"layer": tap}
        )

"""The mean gradient at a layer along the line from the baseline."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case, methods
from inputgrad_cli.methods.layer._base import Layered
from inputgrad_cli.methods.layer.conductance import along, inside
from inputgrad_cli.numeric.quadrature import RULES, rule
from inputgrad_cli.registry import param


@methods.register
@dataclass(frozen=True)
class InternalInfluence(Layered):
    """Mean gradient at a layer's output along the line from the baseline to the input.

    Values are the integral of d score / d A over the line, (B, ...) as the layer, in score per unit
    of its output.
    Leino et al. 2018, arXiv:1802.03788.
    """

    name = "internal-influence"
    paper = "arXiv:1802.03788"
    reduce = "max-abs"

    steps: int = param(50, "gradient evaluations", least=1)
    rule: str = param("midpoint", "where on the line the gradients are taken", choices=RULES)

    def __post_init__(self) -> None:
        """Refuse a rule with too few steps."""
        rule(self.rule, self.steps)

    @property
    def per_input(self) -> bool:
        """Return True: a gradient."""
        return True

    @property
    def quantity(self) -> str:
        """Return what a value is."""
        return "{space} per unit of the layer's output"

    @property
    def uses_baseline(self) -> bool:
        """Return True: the line starts there."""
        return True

    @property
    def passes(self) -> int:
        """Return the steps."""
        return self.steps

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the mean, (B, ...) as the layer."""
        tap = inside(self, engine, case)
        nodes, weights = rule(self.rule, self.steps)
        total = np.zeros(0)
        apart = False
        for rows, numbers, found in along(engine, case, tap, nodes):
            apart = found.disconnected
            if not total.size:
                total = np.zeros((len(case), *found.gradients.shape[1:]), np.float64)
            for place, row in enumerate(rows):
                total[row] += weights[numbers[place]] * found.gradients[place]
        values = {tap: total.astype(np.float32)}
        return Finding(
            values, disconnected=frozenset(values if apart else ()), facts={"layer": tap}
        )

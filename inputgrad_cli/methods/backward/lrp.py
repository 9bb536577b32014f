"""Layer-wise relevance propagation, by its rules."""

from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine, Rule
from inputgrad_cli.interfaces.method import Case, methods
from inputgrad_cli.methods.backward._base import Backward
from inputgrad_cli.numeric.segments import channel_axis
from inputgrad_cli.registry import param

ROUNDING = 1e-6  # of float32: what channels differ by that get the same
RULES = ("epsilon", "gamma", "alpha1-beta0", "z-plus", "deep-taylor", "composite")


@methods.register
@dataclass(frozen=True)
class Lrp(Backward):
    """Relevance of the score, shared out layer by layer by what each value contributed.

    Values are (B, ...) as the input, in units of the score. A layer of weights gives
    z = sum_i x_i w_i + b, where b holds its bias and the normalization behind it; with R what z
    has, and q_i = x_i w_i, the input i gets, by rule:
    epsilon: q_i R / (z + epsilon sign z);
    gamma: (q_i + gamma q_i+) R / (z + gamma (sum q+ + b+)), and with q- and b- where z < 0;
    alpha1-beta0: q_i+ R / (sum q+ + b+);
    z-plus: q_i+ R / sum q+;
    deep-taylor: z-plus, at the first layer w_i^2 R / sum w^2, or with low= and high=
    (q_i - low w_i+ - high w_i-) R / (the sum of these), low and high being those of the input;
    composite: epsilon for products with a matrix, z-plus for convolutions, at a first convolution
    R / (number of its inputs).
    A nonlinearity hands on what it got, the greatest of several takes all, sums and means share by
    size. What scales, shifts or moves the input before the first layer keeps all relevance.
    Products of two branches, attention and loops have no rule, and are refused.
    Montavon et al. 2015, arXiv:1512.02479 (deep-taylor, z-plus); Kohlbrenner et al. 2019,
    arXiv:1910.09840 (composite).
    """

    name = "lrp"
    paper = "arXiv:1910.09840"
    known_as = (
        "layer-wise-relevance-propagation", "relevance", "relevance-propagation", "lrp-epsilon",
        "lrp-z", "deep-taylor",
    )  # fmt: skip
    linear_exact = "input times gradient"

    rule: str = param("composite", "how a layer shares its relevance", choices=RULES)
    epsilon: float = param(1e-6, "what keeps z from zero, for epsilon and composite", least=0.0)
    gamma: float = param(0.25, "weight of what speaks for, for gamma", least=0.0)
    low: float | None = param(None, "least value an input can have, for deep-taylor")
    high: float | None = param(None, "greatest value an input can have, for deep-taylor")

    def __post_init__(self) -> None:
        """Refuse bounds that bound nothing."""
        if (self.low is None) != (self.high is None):
            raise UsageError("lrp needs both low= and high=", reason="one bound alone is no box")
        if self.low is None or self.high is None:
            return
        if self.rule != "deep-taylor":
            raise UsageError("lrp:low=,high= are the bounds of rule=deep-taylor alone")
        if self.low >= self.high:
            raise UsageError("lrp: low= must be less than high=")

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return what arrives at the sites; the flat rule gives channels one value."""
        found = super().attribute(engine, case)
        if self.rule != "composite":
            return found
        return replace(found, copied=frozenset(s for s in found.values if _alike(found, case, s)))

    def going_back(self) -> Rule:
        """Return the rule, with its numbers."""
        return Rule(f"lrp-{self.rule}", self.epsilon, self.gamma, self.low, self.high)


def _alike(found: Finding, case: Case, site: str) -> bool:
    """Return whether every place of the maps has one value in all channels."""
    values = found.values[site]
    axis = channel_axis(values.ndim - 1, case.spatial.get(site))
    if axis is None:
        return False
    first = values.take([0], axis=axis + 1)
    return bool(np.allclose(values, first, rtol=ROUNDING, atol=0.0))

"""Layer-wise relevance propagation (LRP)."""

from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import BackwardRule, Engine
from inputgrad_cli.interfaces.method import Batch, methods
from inputgrad_cli.methods.backward._base import BackwardMethod
from inputgrad_cli.numeric.windows_and_superpixels import find_channel_axis
from inputgrad_cli.registry import declare_parameter

RELATIVE_TOLERANCE = 1e-6  # rounding of float32, by which channels with equal relevance may differ
RULES = ("epsilon", "gamma", "alpha1-beta0", "z-plus", "deep-taylor", "composite")


@methods.register
@dataclass(frozen=True)
class Lrp(BackwardMethod):
    """Relevance of the score, distributed layer by layer in proportion to contributions.

    Values are (B, ...) as the input, in units of the score. A layer of weights gives
    z = sum_i x_i w_i + b, where b holds its bias and the normalization behind it. With R the
    relevance of z, and q_i = x_i w_i, the relevance of input i is, by rule:
    epsilon: q_i R / (z + epsilon sign z);
    gamma: (q_i + gamma q_i+) R / (z + gamma (sum q+ + b+)), and with q- and b- where z < 0;
    alpha1-beta0: q_i+ R / (sum q+ + b+);
    z-plus: q_i+ R / sum q+;
    deep-taylor: z-plus, at the first layer w_i^2 R / sum w^2, or with low= and high=
    (q_i - low w_i+ - high w_i-) R / (the sum of these), low and high being those of the input;
    composite: epsilon for products with a matrix, z-plus for convolutions, at a first convolution
    R / (number of its inputs).
    A nonlinearity passes relevance on, a maximum gives all of it to the largest value, and sums and
    means distribute it by size. Operations that scale, shift or move the input before the first
    layer keep all relevance. Products of two branches, attention and loops have no rule, and are
    refused.
    Montavon et al. 2015, arXiv:1512.02479 (deep-taylor, z-plus); Kohlbrenner et al. 2019,
    arXiv:1910.09840 (composite).
    """

    name = "lrp"
    paper = "arXiv:1910.09840"
    aliases = (
        "layer-wise-relevance-propagation", "relevance", "relevance-propagation", "lrp-epsilon",
        "lrp-z", "deep-taylor",
    )  # fmt: skip
    linear_exact = "input times gradient"

    rule: str = declare_parameter(
        "composite", "how a layer distributes its relevance", choices=RULES
    )
    # Epsilon and gamma are zennit's defaults.
    epsilon: float = declare_parameter(
        1e-6, "stabilizer that keeps z from zero, for epsilon and composite", minimum=0.0
    )
    gamma: float = declare_parameter(
        0.25, "weight of positive contributions, for gamma", minimum=0.0
    )
    low: float | None = declare_parameter(None, "smallest value of the input, for deep-taylor")
    high: float | None = declare_parameter(None, "largest value of the input, for deep-taylor")

    def __post_init__(self) -> None:
        """Refuse bounds that are incomplete, unused or in the wrong order."""
        if (self.low is None) != (self.high is None):
            raise UsageError("lrp needs both low= and high=", reason="one bound alone is no box")
        if self.low is None or self.high is None:
            return
        if self.rule != "deep-taylor":
            raise UsageError("lrp:low=,high= are the bounds of rule=deep-taylor alone")
        if self.low >= self.high:
            raise UsageError("lrp: low= must be less than high=")

    @property
    def multiplies_by_input(self) -> bool:
        """Return True unless the first layer shares relevance by its weights, as in deep-taylor."""
        return self.rule != "deep-taylor"

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the relevance; `composite` may give all channels of a position one value."""
        result = super().attribute(engine, batch)
        if self.rule != "composite":
            return result
        return replace(
            result,
            broadcast_sites=frozenset(
                s for s in result.values if _has_equal_channels(result, batch, s)
            ),
        )

    def build_rule(self) -> BackwardRule:
        """Return the LRP rule with its parameters."""
        return BackwardRule(f"lrp-{self.rule}", self.epsilon, self.gamma, self.low, self.high)


def _has_equal_channels(result: MethodResult, batch: Batch, site: str) -> bool:
    """Return whether every position of the maps has the same value in all channels."""
    values = result.values[site]
    axis = find_channel_axis(values.ndim - 1, batch.spatial_axes.get(site))
    if axis is None:
        return False
    first = values.take([0], axis=axis + 1)
    return bool(np.allclose(values, first, rtol=RELATIVE_TOLERANCE, atol=0.0))

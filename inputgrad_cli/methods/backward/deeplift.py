"""Differences from the baseline, propagated back through the network."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult, compute_completeness, sum_sites
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch, methods
from inputgrad_cli.methods.backward._base import BackwardMethod


@methods.register
@dataclass(frozen=True)
class DeepLift(BackwardMethod):
    """Contribution of each input's difference from the baseline, by the rescale rule.

    Values are (B, ...) as the input, in units of the score, and sum to score - baseline score:
    (input - baseline) * m. In the backward pass, m is multiplied by (y - y of the baseline) /
    (z - z of the baseline) at a nonlinearity y = f(z), and by the weights of linear layers.
    Beyond the paper, a maximum is attributed to the value that gave it, for input and baseline
    each, and products and squared differences use their derivative in the middle of the two, so
    that gates, attention and layer normalization are complete too.
    Shrikumar et al. 2017, arXiv:1704.02685.
    """

    name = "deeplift"
    paper = "arXiv:1704.02685"
    aliases = ("deepshap", "deep-explainer", "deeplift-shap", "deep", "rescale")
    complete = True
    linear_exact = "difference times gradient"

    @property
    def uses_baseline(self) -> bool:
        """Return True, because differences from the baseline are propagated."""
        return True

    @property
    def passes(self) -> int:
        """Return 2: there are two forward passes, and twice the arithmetic in the backward pass."""
        return 2

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the contributions, with the completeness of each sample."""
        multipliers = self.propagate(engine, batch)
        base = engine.compute_scores(batch.baseline, batch.target)
        values = {
            site: np.asarray((batch.inputs[site] - batch.baseline[site]) * multiplier, np.float32)
            for site, multiplier in multipliers.values.items()
        }
        # There is no path, so there is nothing to refine.
        steps = np.ones(len(batch), np.int64)
        completeness = compute_completeness(
            sum_sites(values), multipliers.scores, base, steps, batch.tolerance
        )
        return MethodResult(
            values,
            base,
            completeness,
            multipliers.disconnected,
            facts={"rules": multipliers.rule_count},
        )

"""Differences from the baseline, handed back through the network."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution import Finding, completeness, sums
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case, methods
from inputgrad_cli.methods.backward._base import Backward


@methods.register
@dataclass(frozen=True)
class DeepLift(Backward):
    """What each input's difference from the baseline adds to the score, by the rescale rule.

    Values are (B, ...) as the input, in units of the score, and sum to score - baseline score:
    (input - baseline) * m, where m goes back through a nonlinearity y = f(z) times
    (y - y of the baseline) / (z - z of the baseline), and through linear layers by their weights.
    Beyond the paper: the greatest of several goes to the winner on the side that it came from, a
    product or squared difference by its derivative in the middle of both, so gates, attention and
    layer normalization are complete too.
    Shrikumar et al. 2017, arXiv:1704.02685.
    """

    name = "deeplift"
    paper = "arXiv:1704.02685"
    known_as = ("deepshap", "deep-explainer", "deeplift-shap", "deep", "rescale")
    complete = True
    linear_exact = "difference times gradient"

    @property
    def uses_baseline(self) -> bool:
        """Return True: differences are taken from it."""
        return True

    @property
    def passes(self) -> int:
        """Return about the cost: a pass goes forward twice, with twice the arithmetic back."""
        return 2

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the contributions, with the completeness of each sample."""
        found = self.arrived(engine, case)
        base = engine.scores(case.baseline, case.target)
        values = {
            site: np.asarray((case.inputs[site] - case.baseline[site]) * multiplier, np.float32)
            for site, multiplier in found.values.items()
        }
        steps = np.ones(len(case), np.int64)
        checked = completeness(sums(values), found.scores, base, steps, case.tolerance)
        return Finding(values, base, checked, found.disconnected, facts={"rules": found.rules})

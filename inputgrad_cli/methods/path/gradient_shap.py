"""Expected gradients of noisy copies of the input."""

from dataclasses import dataclass

from inputgrad_cli.interfaces.method import Case, methods
from inputgrad_cli.methods.gradient._noise import noises
from inputgrad_cli.methods.path._dataset import Referring
from inputgrad_cli.numeric.arrays import Arrays
from inputgrad_cli.numeric.probes import Rows
from inputgrad_cli.registry import param


@methods.register
@dataclass(frozen=True)
class GradientShap(Referring):
    """Expected gradients from a dataset to copies of the input with Gaussian noise.

    Values are 1/n sum_i (x_i - b_i) * d score / d x at b_i + a_i (x_i - b_i), with x_i = x + n_i,
    b_i drawn from the samples of `--baseline dataset:path=FILE` and a_i evenly from [0, 1): (B,
    ...) as the input, in units of the score. The noise n_i has a standard deviation of `noise`
    times the sample's max - min, input by input; without noise these are expected gradients.
    Lundberg and Lee 2017, arXiv:1705.07874.
    """

    name = "gradient-shap"
    paper = "arXiv:1705.07874"
    known_as = ("shap", "gradient-explainer", "grad-shap")

    noise: float = param(0.15, "noise level, as a share of the sample's max - min", least=0.0)

    def ends(self, part: Case, numbers: Rows) -> Arrays:
        """Return where the lines end, by site: at noisy copies of the input."""
        noise = noises(part, numbers, self.noise)
        return {site: part.inputs[site] + noise[site] for site in part.sites}

"""Expected gradients of noisy copies of the input."""

from dataclasses import dataclass

from inputgrad_cli.interfaces.method import Batch, methods
from inputgrad_cli.methods._point_chunks import Indices
from inputgrad_cli.methods.gradient._noise import draw_noise
from inputgrad_cli.methods.path._dataset import DatasetBaselineMethod
from inputgrad_cli.numeric.array_helpers import Arrays
from inputgrad_cli.registry import declare_parameter


@methods.register
@dataclass(frozen=True)
class GradientShap(DatasetBaselineMethod):
    """Expected gradients from a dataset to copies of the input with Gaussian noise.

    Values are 1/n sum_i (x_i - b_i) * d score / d x at b_i + a_i (x_i - b_i), with x_i = x + n_i,
    b_i drawn from the samples of `--baseline dataset:path=FILE` and a_i evenly from [0, 1): (B,
    ...) as the input, in units of the score. The noise n_i has a standard deviation of `noise`
    times the sample's max - min, input by input; without noise these are expected gradients.
    Lundberg and Lee 2017, arXiv:1705.07874.
    """

    name = "gradient-shap"
    paper = "arXiv:1705.07874"
    aliases = ("shap", "gradient-explainer", "grad-shap")

    noise: float = declare_parameter(
        0.15, "noise level, as a share of the sample's max - min", minimum=0.0
    )

    def compute_line_ends(self, batch: Batch, indices: Indices) -> Arrays:
        """Return the ends of the lines, by site, which are noisy copies of the input."""
        noise = draw_noise(batch, indices, self.noise)
        return {site: batch.inputs[site] + noise[site] for site in batch.sites}

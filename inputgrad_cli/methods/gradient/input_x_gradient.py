"""The input times its gradient."""

from dataclasses import dataclass

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch, Method, methods


@methods.register
@dataclass(frozen=True)
class InputXGradient(Method):
    """Input times gradient, which is the contribution of each value to a linear model.

    Values are x * d score / d x, (B, ...) as the input, in units of the score.
    Shrikumar et al. 2016, arXiv:1605.01713.
    """

    name = "input-x-gradient"
    family = "gradient"
    paper = "arXiv:1605.01713"
    aliases = (
        "gradient-x-input", "gradient-times-input", "input-times-gradient", "grad-x-input",
        "input-gradient", "gradient*input", "grad*input", "ixg", "gxi",
    )  # fmt: skip
    uses_clean_gradient = True
    linear_exact = "input times gradient"
    multiplies_by_input = True

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the input times the gradient at the input."""
        gradients = batch.compute_clean_gradients(engine)
        values = {site: batch.inputs[site] * gradients.values[site] for site in batch.sites}
        return MethodResult(values, disconnected=gradients.disconnected)

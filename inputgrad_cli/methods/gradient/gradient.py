"""The plain gradient."""

from dataclasses import dataclass

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch, Method, methods


@methods.register
@dataclass(frozen=True)
class Gradient(Method):
    """Derivative of the score with respect to the input.

    Values are d score / d x, (B, ...) as the input, in score per unit of input.
    Simonyan et al. 2013, arXiv:1312.6034.
    """

    name = "gradient"
    family = "gradient"
    paper = "arXiv:1312.6034"
    aliases = (
        "saliency", "saliency-map", "vanilla", "vanilla-gradient", "simple-gradient",
        "plain-gradient", "grad", "grads", "backprop", "sensitivity",
    )  # fmt: skip
    uses_clean_gradient = True
    linear_exact = "gradient"
    # As in the paper, which takes the largest absolute value of the channels of a pixel.
    reduce = "max-abs"

    @property
    def per_input(self) -> bool:
        """Return True, because values are gradients."""
        return True

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the gradient at the input."""
        gradients = batch.compute_clean_gradients(engine)
        return MethodResult(gradients.values, disconnected=gradients.disconnected)

"""The plain gradient."""

from dataclasses import dataclass

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case, Method, methods


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
    known_as = (
        "saliency", "saliency-map", "vanilla", "vanilla-gradient", "simple-gradient",
        "plain-gradient", "grad", "grads", "backprop", "sensitivity",
    )  # fmt: skip
    clean_gradient = True
    linear_exact = "gradient"
    reduce = "max-abs"

    @property
    def per_input(self) -> bool:
        """Return True: a gradient."""
        return True

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the gradient at the input."""
        found = engine.gradients(case.inputs, case.target, case.sites)
        return Finding(found.values, disconnected=found.disconnected)

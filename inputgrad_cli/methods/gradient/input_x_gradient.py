"""The input times its gradient."""

from dataclasses import dataclass

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case, Method, methods


@methods.register
@dataclass(frozen=True)
class InputXGradient(Method):
    """Input times gradient: what each value contributes to a linear model.

    Values are x * d score / d x, (B, ...) as the input, in units of the score.
    Shrikumar et al. 2016, arXiv:1605.01713.
    """

    name = "input-x-gradient"
    family = "gradient"
    paper = "arXiv:1605.01713"
    known_as = (
        "gradient-x-input", "gradient-times-input", "input-times-gradient", "grad-x-input",
        "input-gradient", "gradient*input", "grad*input", "ixg", "gxi",
    )  # fmt: skip
    clean_gradient = True
    linear_exact = "input times gradient"

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the input times the gradient at the input."""
        found = engine.gradients(case.inputs, case.target, case.sites)
        values = {site: case.inputs[site] * found.values[site] for site in case.sites}
        return Finding(values, disconnected=found.disconnected)

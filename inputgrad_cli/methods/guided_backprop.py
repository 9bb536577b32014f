"""Gradients that go back only through open ReLUs, and only where they are positive."""

from dataclasses import dataclass

from inputgrad_cli.attribution import Finding
from inputgrad_cli.contracts import Case, Engine, Method, Rule, methods


@methods.register
@dataclass(frozen=True)
class GuidedBackprop(Method):
    """The gradient, with negative ones cut off at every ReLU: what speaks for the score.

    Values are (B, ...) as the input, score per unit of input. At a ReLU y = max(z, 0), and its kin
    (ReLU6, leaky, ELU, SELU, PReLU), max(m, 0) [z > 0] dy/dz goes back where m came; all else goes
    back by its derivative. Smooth activations such as GELU are no ReLUs.
    Springenberg et al. 2014, arXiv:1412.6806.
    """

    name = "guided-backprop"
    family = "backward-rule"
    paper = "arXiv:1412.6806"
    linear_exact = "gradient"
    needs = "network"

    @property
    def per_input(self) -> bool:
        """Return True: they stand in the place of gradients."""
        return True

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return what arrives at the sites."""
        rule = Rule(self.name)
        found = engine.ruled(case.inputs, case.target, case.sites, rule, case.baseline)
        facts = {"rules": found.rules}
        return Finding(found.values, disconnected=found.disconnected, facts=facts)

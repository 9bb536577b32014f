"""Gradients that go back through ReLUs only where they are positive."""

from dataclasses import dataclass

from inputgrad_cli.attribution import Finding
from inputgrad_cli.contracts import Case, Engine, Method, Rule, methods


@methods.register
@dataclass(frozen=True)
class Deconvnet(Method):
    """The signal of a deconvnet: back through every ReLU goes what is positive, open or not.

    Values are (B, ...) as the input, score per unit of input. At a ReLU and its kin (ReLU6, leaky,
    ELU, SELU, PReLU) max(m, 0) goes back where m came; max pooling goes back to its winners
    (switches), all else by its derivative.
    Zeiler and Fergus 2013, arXiv:1311.2901.
    """

    name = "deconvnet"
    family = "backward-rule"
    paper = "arXiv:1311.2901"
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

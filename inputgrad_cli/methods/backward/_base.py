"""What the methods of the backward-rule family share: one pass, and the count of its rules."""

from dataclasses import dataclass

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.interfaces.engine import Engine, Gradients, Rule
from inputgrad_cli.interfaces.method import Case, Method


@dataclass(frozen=True)
class Backward(Method):
    """A way back through the network by rules in the place of derivatives."""

    family = "backward-rule"
    needs = "network"

    def going_back(self) -> Rule:
        """Return the rule: that of the method's own name."""
        return Rule(self.name)

    def arrived(self, engine: Engine, case: Case) -> Gradients:
        """Return what arrives at the sites, and how many rules were applied."""
        rule = self.going_back()
        return engine.ruled(case.inputs, case.target, case.sites, rule, case.baseline)

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return what arrives at the sites, as it is."""
        found = self.arrived(engine, case)
        facts = {"rules": found.rules}
        return Finding(found.values, disconnected=found.disconnected, facts=facts)


@dataclass(frozen=True)
class Cutting(Backward):
    """The gradient, with something cut off at every ReLU."""

    linear_exact = "gradient"

    @property
    def per_input(self) -> bool:
        """Return True: they stand in the place of gradients."""
        return True

    @property
    def quantity(self) -> str:
        """Return what a value is."""
        return "{space} per unit of input, cut at every ReLU"

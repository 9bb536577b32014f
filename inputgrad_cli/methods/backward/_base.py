"""The base of methods that replace derivatives in the backward pass by rules."""

from dataclasses import dataclass

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.interfaces.engine import BackwardRule, Engine, Gradients
from inputgrad_cli.interfaces.method import Batch, Method


@dataclass(frozen=True)
class BackwardMethod(Method):
    """A method with rules instead of derivatives in the backward pass."""

    family = "backward-rule"
    needs = "network"

    def build_rule(self) -> BackwardRule:
        """Return the backward rule; by default the one named like the method."""
        return BackwardRule(self.name)

    def propagate(self, engine: Engine, batch: Batch) -> Gradients:
        """Return the values that arrive at the sites, and how many rules were applied."""
        rule = self.build_rule()
        return engine.propagate_relevance(
            batch.inputs, batch.target, batch.sites, rule, batch.baseline
        )

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the values that arrive at the sites, unchanged."""
        gradients = self.propagate(engine, batch)
        facts = {"rules": gradients.rule_count}
        return MethodResult(gradients.values, disconnected=gradients.disconnected, facts=facts)


@dataclass(frozen=True)
class ClippedGradient(BackwardMethod):
    """The gradient, with values set to zero at every ReLU."""

    linear_exact = "gradient"

    @property
    def per_input(self) -> bool:
        """Return True, because values replace gradients."""
        return True

    @property
    def quantity(self) -> str:
        """Return the label of colour bars."""
        return "{space} per unit of input, cut at every ReLU"

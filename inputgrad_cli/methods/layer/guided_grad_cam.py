"""Grad-CAM and guided backpropagation, multiplied."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.interfaces.engine import Engine, Rule
from inputgrad_cli.interfaces.method import Case, methods
from inputgrad_cli.methods.layer._base import CAM, channels_last
from inputgrad_cli.methods.layer._upsample import over_places, stretched
from inputgrad_cli.methods.layer.grad_cam import mean_weights
from inputgrad_cli.registry import param


@methods.register
@dataclass(frozen=True)
class GuidedGradCAM(CAM):
    """Grad-CAM at the size of the input, times guided backpropagation: fine, and of one class.

    Values are up(relu(sum_k w_k A_k)) * guided gradient, (B, ...) as the input and under its name;
    `up` is bilinear.
    Selvaraju et al. 2016, arXiv:1610.02391.
    """

    name = "guided-grad-cam"
    paper = "arXiv:1610.02391"
    uncut = "gradient"
    known_as = ("guided-cam", "ggcam")
    reduce = "max-abs"
    at_layer = False

    relu: bool = param(True, "of the coarse map keep what speaks for the target alone")

    @property
    def quantity(self) -> str:
        """Return what a value is."""
        return "grad-cam times the guided gradient of the {space}"

    @property
    def sign(self) -> str:
        """Return `signed`: the guided gradient is."""
        return "signed"

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the product at every site that the maps lie over."""
        found = engine.layer(case.inputs, case.target, self.tap(engine, case))
        maps, slopes = channels_last(found, self.name)
        coarse = (mean_weights(slopes) * maps).sum(axis=-1)
        coarse = np.maximum(coarse, 0) if self.relu else coarse
        axes = over_places(engine, case, found.name, count=coarse.ndim - 1, method=self.name)
        guided = engine.ruled(case.inputs, case.target, tuple(axes), Rule("guided-backprop"), {})
        values = {
            site: np.asarray(stretched(coarse, g.shape, axes[site]) * g, np.float32)
            for site, g in guided.values.items()
        }
        apart = frozenset(values) if found.disconnected else guided.disconnected
        return Finding(
            values, disconnected=apart, facts={"layer": found.name, "rules": guided.rules}
        )

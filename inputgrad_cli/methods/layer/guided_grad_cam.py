"""Grad-CAM and guided backpropagation, multiplied."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.interfaces.engine import BackwardRule, Engine
from inputgrad_cli.interfaces.method import Batch, methods
from inputgrad_cli.methods.layer._base import CAM, to_channels_last
from inputgrad_cli.methods.layer._upsample import find_map_axes, upsample_maps
from inputgrad_cli.methods.layer.grad_cam import average_gradients
from inputgrad_cli.registry import declare_parameter


@methods.register
@dataclass(frozen=True)
class GuidedGradCAM(CAM):
    """Grad-CAM at the size of the input, times guided backpropagation.

    Values are up(relu(sum_k w_k A_k)) * guided gradient, (B, ...) as the input, where `up` enlarges
    bilinearly. The map has the detail of the gradient, and shows one class.
    Selvaraju et al. 2016, arXiv:1610.02391.
    """

    name = "guided-grad-cam"
    paper = "arXiv:1610.02391"
    unclipped_variant = "gradient"
    aliases = ("guided-cam", "ggcam")
    reduce = "max-abs"
    at_layer = False

    relu: bool = declare_parameter(True, "keep positive values of the coarse map only")

    @property
    def quantity(self) -> str:
        """Return the label of colour bars."""
        return "grad-cam times the guided gradient of the {space}"

    @property
    def sign(self) -> str:
        """Return `signed`, because the guided gradient is."""
        return "signed"

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the product at every site that the maps correspond to."""
        layer_pass = engine.compute_layer(batch.inputs, batch.target, self.find_tap(engine, batch))
        maps, gradients = to_channels_last(layer_pass, self.name)
        coarse = (average_gradients(gradients) * maps).sum(axis=-1)
        coarse = np.maximum(coarse, 0) if self.relu else coarse
        axes = find_map_axes(
            engine, batch, layer_pass.name, count=coarse.ndim - 1, method=self.name
        )
        guided = engine.propagate_relevance(
            batch.inputs, batch.target, tuple(axes), BackwardRule("guided-backprop"), {}
        )
        values = {
            site: np.asarray(upsample_maps(coarse, g.shape, axes[site]) * g, np.float32)
            for site, g in guided.values.items()
        }
        # Without a way from the layer to the target the coarse map is zero, and so is each product.
        disconnected = frozenset(values) if layer_pass.disconnected else guided.disconnected
        return MethodResult(
            values,
            disconnected=disconnected,
            facts={"layer": layer_pass.name, "rules": guided.rule_count},
        )

"""The sum of input gradients and bias gradients of all layers."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch, Method, methods
from inputgrad_cli.methods.layer._upsample import find_source_sites, upsample_maps
from inputgrad_cli.numeric.array_helpers import Array, Floats, rescale_to_unit


@methods.register
@dataclass(frozen=True)
class FullGrad(Method):
    """Sum of input times gradient and every layer's bias times gradient, each scaled to 0..1.

    On a ReLU network the score is the sum of x * d score / d x and of all biases times their
    gradients. Values are u(x * gradient) + sum over layers of u(bias * gradient), where u takes
    absolute values, scales them to 0..1, sums over channels and resizes to the input, (B, ...) as
    the input; the value of a position is divided evenly among its channels. Batch normalization
    counts as a bias; biases of layers without spatial axes are left out, as in the paper.
    Srinivas and Fleuret 2019, arXiv:1905.00780.
    """

    name = "fullgrad"
    family = "layer"
    paper = "arXiv:1905.00780"
    aliases = ("full-gradient", "full-gradients", "full-grad-cam")
    needs = "layer"

    @property
    def quantity(self) -> str:
        """Return the label of colour bars."""
        return "sum of the layers' maps, each of 0 to 1, per channel"

    @property
    def sign(self) -> str:
        """Return `positive`, because absolute values are added."""
        return "positive"

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the sum of all maps, from one pass."""
        gradients, bias_shares = engine.compute_bias_gradients(
            batch.inputs, batch.target, batch.sites
        )
        # Biases of layers without spatial axes are left out.
        maps = {layer: share for layer, share in bias_shares.items() if share.ndim > 2}
        source_sites = find_source_sites(engine, batch, list(maps))
        values = {}
        for site, axes in _find_spatial_axes(batch).items():
            inputs = batch.inputs[site]
            total = _normalize(inputs * gradients.values[site], _find_other_axes(inputs, axes))
            for layer, share in maps.items():
                # A map of other axes, such as a series beside a picture, lies over no part of the
                # site.
                if share.ndim - 2 == len(axes) and site in source_sites[layer]:
                    total = total + upsample_maps(_normalize_layer_map(share), inputs.shape, axes)
            # The value of a position is divided evenly among its channels.
            width = np.prod([inputs.shape[axis] for axis in _find_other_axes(inputs, axes)])
            values[site] = np.asarray(np.broadcast_to(total / width, inputs.shape), np.float32)
        facts = {"biases": len(maps)}
        disconnected = gradients.disconnected
        return MethodResult(
            values, disconnected=disconnected, facts=facts, broadcast_sites=frozenset(values)
        )


def _find_spatial_axes(batch: Batch) -> dict[str, tuple[int, ...]]:
    """Return the spatial axes of the sites that have any; UsageError if none has."""
    axes = {
        site: batch.spatial_axes.get(site) or tuple(range(1, batch.inputs[site].ndim - 1))
        for site in batch.sites
    }
    present = {site: site_axes for site, site_axes in axes.items() if site_axes}
    if not present:
        raise UsageError(
            "fullgrad needs an input with spatial axes, and no input has any",
            hint="take -m input-x-gradient or -m integrated-gradients",
        )
    return present


def _find_other_axes(array: Array, spatial_axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes other than the batch axis and the spatial axes."""
    return tuple(axis for axis in range(1, array.ndim) if axis not in spatial_axes)


def _normalize(values: Array, channels: tuple[int, ...]) -> Floats:
    """Scale the absolute values of each sample to 0..1, and sum them over channels."""
    size = np.abs(values.astype(np.float64))
    unit = rescale_to_unit(size, tuple(range(1, size.ndim)))
    return np.asarray(unit.sum(axis=channels, keepdims=True))


def _normalize_layer_map(share: Array) -> Floats:
    """Return the scaled map of a layer, (B, ...) from (B, ..., C)."""
    return np.asarray(_normalize(share, (share.ndim - 1,))[..., 0])

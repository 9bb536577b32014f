"""The base of methods that use the output of one layer."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.data.signature import Shape
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import CamLayer, Engine, LayerPass
from inputgrad_cli.interfaces.method import Batch, Method
from inputgrad_cli.modelfile.layer_names import MAX_LISTED, describe_call_inputs
from inputgrad_cli.numeric.array_helpers import Array, Floats
from inputgrad_cli.option_choices import LAYER
from inputgrad_cli.registry import declare_parameter


@dataclass(frozen=True)
class LayerMethod(Method):
    """A method that uses one layer.

    It is the layer that `layer` names, else that of `--wrt layer:NAME`, else the last with maps.
    """

    family = "layer"
    needs = "layer"
    at_layer = True

    layer: str | None = declare_parameter(
        None, "the layer: NAME, or NAME#N for its N-th call; unset: the last that gives maps"
    )

    def find_tap(self, engine: Engine, batch: Batch) -> str:
        """Return the tap of the layer, `layer:NAME`; UsageError if it is not clear which layer."""
        if self.layer:
            return LAYER + self.layer.removeprefix(LAYER)
        if batch.layer:
            return batch.layer
        cam_layer = engine.find_cam_layer(batch.inputs, batch.target)
        target = batch.target.resolved.text
        if cam_layer is None:
            raise make_no_maps_error(self, target)
        if cam_layer.call_count > 1:
            raise self._make_repeated_calls_error(engine, batch, cam_layer)
        return cam_layer.tap

    def _make_repeated_calls_error(
        self, engine: Engine, batch: Batch, cam_layer: CamLayer
    ) -> UsageError:
        """Return the error for a default layer that is called more than once."""
        calls = [
            f"{cam_layer.tap}#{index}" for index in range(min(cam_layer.call_count, MAX_LISTED))
        ]
        inputs_by_call = engine.find_layer_inputs(batch.inputs, calls)
        name = cam_layer.tap.removeprefix(LAYER)
        remark = describe_call_inputs([inputs_by_call[call] for call in calls])
        return UsageError(
            f"{self.name}: the last maps on the way to target {batch.target.resolved.text!r}, "
            f"those of {name!r}, come from a layer that is called {cam_layer.call_count} times",
            hint=f"choose a call, {self.name}:layer={name}#0 to #{cam_layer.call_count - 1}"
            + (f"; {remark}" if remark else ""),
        )


def make_no_maps_error(method: LayerMethod, target: str | None = None) -> UsageError:
    """Return the error for a model without maps when no layer is named."""
    where = "of the model" if target is None else f"on the way to target {target!r}"
    return UsageError(
        f"{method.name}: no convolution {where} gives maps",
        hint=f"name a layer that does, {method.name}:layer=NAME; `inputgrad inspect` lists them",
    )


def make_layer_shape_error(method: str, layer: str, shape: Shape) -> UsageError:
    """Return the error for a named layer that gives no maps."""
    return UsageError(
        f"{method}: {layer} gives no maps",
        reason=f"its output for one sample has the shape {shape}",
        hint=f"name a convolution, {method}:layer=NAME; `inputgrad inspect` lists them",
    )


@dataclass(frozen=True)
class CAM(LayerMethod):
    """A class activation map, which is a weighted sum over the channels of a layer's maps."""

    relu: bool = declare_parameter(True, "keep positive values only, as in the paper")

    @property
    def quantity(self) -> str:
        """Return the label of colour bars."""
        return "weighted sum of the layer's maps, by the {space}"

    @property
    def sign(self) -> str:
        """Return `positive` if negative values are set to zero."""
        return "positive" if self.relu else "signed"

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the map, (B, ...) with the spatial axes of the layer."""
        layer_pass = engine.compute_layer(batch.inputs, batch.target, self.find_tap(engine, batch))
        maps = self.combine(*to_channels_last(layer_pass, self.name))
        return to_cam_result(self, layer_pass.name, maps, layer_pass.disconnected)

    def combine(self, maps: Array, gradients: Array) -> Array:
        """Combine outputs and gradients of the layer, (B, ..., C), to a map (B, ...)."""
        raise TypeError(f"{type(self).__name__} does not define combine()")


def to_cam_result(method: CAM, name: str, maps: Array, disconnected: bool = False) -> MethodResult:
    """Return the result for a map; negative values become zero if `method.relu` is set."""
    shown = np.maximum(maps, 0) if method.relu else maps
    values = {name: np.asarray(shown, np.float32)}
    return MethodResult(
        values,
        disconnected=frozenset({name} if disconnected else ()),
        facts={"layer": name, "cam": True},
    )


def to_channels_last(layer_pass: LayerPass, method: str) -> tuple[Floats, Floats]:
    """Return outputs and gradients of a layer as (B, ..., C); UsageError if they are no maps."""
    # Maps have a batch axis, at least one spatial axis, and a channel axis.
    if layer_pass.values.ndim < 3:
        raise make_layer_shape_error(method, layer_pass.name, layer_pass.values.shape[1:])
    maps, gradients = (
        np.moveaxis(array.astype(np.float64), layer_pass.channel_axis, -1)
        for array in (layer_pass.values, layer_pass.gradients)
    )
    return maps, gradients

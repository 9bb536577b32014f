"""What the methods of the layer family share: the layer, its maps with channels last."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.choices import LAYER
from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.data.signature import Shape
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine, LayerPass, Maps
from inputgrad_cli.interfaces.method import Case, Method
from inputgrad_cli.modelfile.layer_names import LISTED, sights
from inputgrad_cli.numeric.arrays import Array, Floats
from inputgrad_cli.registry import param


@dataclass(frozen=True)
class Layered(Method):
    """A method that looks at one layer: the one named, else `--wrt layer:`, else the last maps."""

    family = "layer"
    needs = "layer"
    at_layer = True

    layer: str | None = param(
        None, "the layer: NAME, or NAME#N for its N-th call; unset: the last that gives maps"
    )

    def tap(self, engine: Engine, case: Case) -> str:
        """Return the name of the layer's tap; UsageError where nothing says which layer."""
        if self.layer:
            return LAYER + self.layer.removeprefix(LAYER)
        if case.at:
            return case.at
        found = engine.cam_layer(case.inputs, case.target)
        asked = case.target.choice.asked
        if found is None:
            raise no_maps(self, asked)
        if found.calls > 1:
            raise self._called_often(engine, case, found)
        return found.tap

    def _called_often(self, engine: Engine, case: Case, maps: Maps) -> UsageError:
        """Return the error of the last maps whose layer is called more than once."""
        calls = [f"{maps.tap}#{number}" for number in range(min(maps.calls, LISTED))]
        sees = engine.inputs_of(case.inputs, calls)
        name = maps.tap.removeprefix(LAYER)
        seen = sights([sees[call] for call in calls])
        return UsageError(
            f"{self.name}: the last maps on the way to target {case.target.choice.asked!r}, those "
            f"of {name!r}, come from a layer that is called {maps.calls} times",
            mend=f"choose a call, {self.name}:layer={name}#0 to #{maps.calls - 1}"
            + (f"; {seen}" if seen else ""),
        )


def no_maps(method: Layered, target: str | None = None) -> UsageError:
    """Return the error where nothing says which layer, and none gives maps."""
    where = "of the model" if target is None else f"on the way to target {target!r}"
    return UsageError(
        f"{method.name}: no convolution {where} gives maps",
        mend=f"name a layer that does, {method.name}:layer=NAME; `inputgrad inspect` lists them",
    )


def no_maps_at(method: str, layer: str, shape: Shape) -> UsageError:
    """Return the error where the layer that was named gives none."""
    return UsageError(
        f"{method}: {layer} gives no maps",
        reason=f"its output for one sample has the shape {shape}",
        mend=f"name a convolution, {method}:layer=NAME; `inputgrad inspect` lists them",
    )


@dataclass(frozen=True)
class CAM(Layered):
    """A class activation map: a weighted sum over the channels of a layer's maps."""

    relu: bool = param(True, "keep what speaks for the target alone, as in the paper")

    @property
    def quantity(self) -> str:
        """Return what a value is."""
        return "weighted sum of the layer's maps, by the {space}"

    @property
    def sign(self) -> str:
        """Return `positive` where the map is cut at zero."""
        return "positive" if self.relu else "signed"

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the map of the layer, (B, ...) along its spatial axes alone."""
        found = engine.layer(case.inputs, case.target, self.tap(engine, case))
        maps = self.combine(*channels_last(found, self.name))
        return as_cam(self, found.name, maps, found.disconnected)

    def combine(self, maps: Array, slopes: Array) -> Array:
        """Return the sum over channels: (B, ...) from outputs and gradients (B, ..., C)."""
        raise TypeError(f"{type(self).__name__} does not say how it combines")


def as_cam(method: CAM, name: str, maps: Array, apart: bool = False) -> Finding:
    """Return the finding of a class activation map, cut at zero if the method says so."""
    kept = np.maximum(maps, 0) if method.relu else maps
    values = {name: np.asarray(kept, np.float32)}
    return Finding(
        values,
        disconnected=frozenset({name} if apart else ()),
        facts={"layer": name, "cam": True},
    )


def channels_last(found: LayerPass, method: str) -> tuple[Floats, Floats]:
    """Return outputs and gradients of a layer as (B, ..., C); UsageError where it has no maps."""
    if found.values.ndim < 3:
        raise no_maps_at(method, found.name, found.values.shape[1:])
    maps, slopes = (
        np.moveaxis(array.astype(np.float64), found.channels, -1)
        for array in (found.values, found.gradients)
    )
    return maps, slopes

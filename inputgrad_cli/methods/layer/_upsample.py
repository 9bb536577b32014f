"""Enlarging the maps of a layer to the inputs that it depends on."""

from collections.abc import Sequence

import numpy as np

from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch
from inputgrad_cli.numeric.array_helpers import Array, Floats
from inputgrad_cli.numeric.resize import resize_maps
from inputgrad_cli.option_choices import LAYER


def find_source_sites(engine: Engine, batch: Batch, layers: Sequence[str]) -> dict[str, list[str]]:
    """Return for each layer the sites that its output depends on."""
    # With one site there is no choice, and no need to trace the model.
    if len(batch.sites) == 1:
        return {layer: list(batch.sites) for layer in layers}
    taps = [site for site in batch.sites if site.startswith(LAYER)]
    inputs = engine.find_layer_inputs(batch.inputs, [*dict.fromkeys([*layers, *taps])])
    sources = {site: inputs.get(site, frozenset({site})) for site in batch.sites}
    return {
        layer: [site for site in batch.sites if sources[site] & inputs[layer]] for layer in layers
    }


def find_map_axes(
    engine: Engine, batch: Batch, layer: str, *, count: int, method: str
) -> dict[str, tuple[int, ...]]:
    """Return the axes that correspond to the axes of a layer's maps, for each site it depends on.

    The maps have `count` axes. For pictures the axes are known; for other sites they are all but
    the batch and the last axis. UsageError if no site has `count` such axes.
    """
    axes: dict[str, tuple[int, ...]] = {}
    for site in find_source_sites(engine, batch, [layer])[layer]:
        map_axes = batch.spatial_axes.get(site) or tuple(range(1, batch.inputs[site].ndim - 1))
        if len(map_axes) == count:
            axes[site] = map_axes
    if not axes:
        raise UsageError(
            f"{method}: the maps of {layer} lie over none of the inputs",
            reason=f"they have {count} spatial axes",
            hint="name another layer, or take grad-cam, which leaves its maps coarse",
        )
    return axes


def upsample_maps(maps: Array, shape: Sequence[int], axes: Sequence[int]) -> Floats:
    """Enlarge maps (N, ...) to the `axes` of arrays of `shape`; other axes get length one."""
    large = resize_maps(maps, [shape[axis] for axis in axes])
    others = [axis for axis in range(1, len(shape)) if axis not in axes]
    return np.expand_dims(large, others)

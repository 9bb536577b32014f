"""Where the places of a layer's maps lie in the inputs."""

from collections.abc import Sequence

import numpy as np

from inputgrad_cli.choices import LAYER
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case
from inputgrad_cli.numeric.arrays import Array, Floats
from inputgrad_cli.numeric.resize import resized


def seeing(engine: Engine, case: Case, layers: Sequence[str]) -> dict[str, list[str]]:
    """Return, by layer, the sites that it sees: all that its output is computed from."""
    if len(case.sites) == 1:
        return {layer: list(case.sites) for layer in layers}
    taps = [site for site in case.sites if site.startswith(LAYER)]
    inputs = engine.inputs_of(case.inputs, [*dict.fromkeys([*layers, *taps])])
    behind = {site: inputs.get(site, frozenset({site})) for site in case.sites}
    return {la: [site for site in case.sites if behind[site] & inputs[la]] for la in layers}


def over_places(
    engine: Engine, case: Case, layer: str, *, count: int, method: str
) -> dict[str, tuple[int, ...]]:
    """Return, by site that the layer sees, the axes that its maps of `count` axes lie over.

    Those of pictures are known; else they are all but batch and channels. UsageError where no site
    has as many.
    """
    axes: dict[str, tuple[int, ...]] = {}
    for site in seeing(engine, case, [layer])[layer]:
        found = case.spatial.get(site) or tuple(range(1, case.inputs[site].ndim - 1))
        if len(found) == count:
            axes[site] = found
    if not axes:
        raise UsageError(
            f"{method}: the maps of {layer} lie over none of the inputs",
            reason=f"they have {count} spatial axes",
            mend="name another layer, or take grad-cam, which leaves its maps coarse",
        )
    return axes


def stretched(maps: Array, shape: Sequence[int], axes: Sequence[int]) -> Floats:
    """Return maps (N, ...) of few places over the `axes` of arrays of `shape`, (N, ..., 1, ...)."""
    large = resized(maps, [shape[axis] for axis in axes])
    others = [axis for axis in range(1, len(shape)) if axis not in axes]
    return np.expand_dims(large, others)

"""Where the places of a layer's maps lie in the inputs."""

from collections.abc import Sequence

import numpy as np

from inputgrad_cli.arrays import Array, Floats
from inputgrad_cli.contracts import Case
from inputgrad_cli.errors import UsageError
from inputgrad_cli.resample import resized


def over_places(case: Case, count: int, method: str) -> dict[str, tuple[int, ...]]:
    """Return, by site, the axes that maps of `count` axes lie over.

    Those of pictures are known; else they are all but batch and channels. UsageError where no site
    has as many.
    """
    axes: dict[str, tuple[int, ...]] = {}
    for site in case.sites:
        found = case.spatial.get(site) or tuple(range(1, case.inputs[site].ndim - 1))
        if len(found) == count:
            axes[site] = found
    if not axes:
        raise UsageError(
            f"{method}: the maps of the layer lie over none of the inputs",
            reason=f"they have {count} spatial axes",
            mend="name another layer, or take grad-cam, which leaves its maps coarse",
        )
    return axes


def stretched(maps: Array, shape: Sequence[int], axes: Sequence[int]) -> Floats:
    """Return maps (N, ...) of few places over the `axes` of arrays of `shape`, (N, ..., 1, ...)."""
    large = resized(maps, [shape[axis] for axis in axes])
    others = [axis for axis in range(1, len(shape)) if axis not in axes]
    return np.expand_dims(large, others)

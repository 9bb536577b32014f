"""Says which axes the arrays of each site have, so that maps and inputs can be drawn."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.numeric.array_helpers import Array


@dataclass(frozen=True)
class Axes:
    """The axes of pictures by site.

    Those in `channels_first` are (C, H, W), those in `flat` (H, W). Sites in `looked_up` hold ids
    that an embedding looks up, so their maps have the axes of the embedding. The map of a class
    activation method (`is_cam`) has no channels.
    """

    channels_first: Set[str] = frozenset()
    flat: Set[str] = frozenset()
    looked_up: Set[str] = frozenset()
    is_cam: bool = False

    def to_channels_last(self, values: Array, site: str) -> Array:
        """Return values or inputs of `site` as (..., H, W, C); maps of ids keep their axes."""
        if self.is_cam or (site in self.flat and site not in self.looked_up):
            return values[..., np.newaxis]
        is_first = site in self.channels_first and values.ndim >= 3
        return np.moveaxis(values, -3, -1) if is_first else values

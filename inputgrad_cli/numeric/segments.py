"""Which values of a sample go together: windows, features, superpixels.

Every axis of a site has a part. `cut`: spans of it go together (height, width, time). `each`: its
places stand alone (features, tokens). `apart`: so do its places, whatever is asked (channels of a
series). `whole`: all of it goes together (channels of a picture, an embedding).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.choices import LAYER
from inputgrad_cli.errors import UsageError
from inputgrad_cli.numeric.arrays import Array, Arrays, Floats, count

KINDS = ("auto", "windows", "features", "superpixels")
SPANS = 16  # of a single axis that is cut
WINDOWS = 64  # about, where several axes are cut
SIDE = 224  # regions are sought in pictures of at most this side
SCALES = (50, 100, 150, 250, 500, 1200)
SMALLEST = 150  # pixels of a region, in a picture of 224 x 224

Labels = NDArray[np.intp]
Spatial = Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Segments:
    """The segment of every value of a sample, numbered through all sites.

    `labels` have the site's axes, of length one where all values along an axis go together.
    `sizes` is how many values each segment has, (M,).
    """

    labels: Mapping[str, Labels]
    sizes: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.sizes)

    def spread(self, values: Array) -> dict[str, Array]:
        """Return values of segments (..., M) at their places: (..., like the labels), by site."""
        return {site: np.take(values, labels, axis=-1) for site, labels in self.labels.items()}


def segmented(arrays: Arrays, spatial: Spatial, kind: str, grid: int | None) -> list[Segments]:
    """Return the segments of each sample of the sites' arrays, (B, ...).

    `spatial` are the height and width axes of pictures; `grid` is how many spans an axis is cut
    into. UsageError where superpixels are asked for and there is no picture.
    """
    shapes = {site: array.shape[1:] for site, array in arrays.items()}
    if kind != "superpixels":
        labels = {s: _labels(s, shape, spatial.get(s), kind, grid) for s, shape in shapes.items()}
        return [joined(labels, shapes)] * count(arrays)
    if not any(site in spatial for site in arrays):
        raise UsageError(
            "segments=superpixels needs a picture input",
            reason=f"{', '.join(arrays)} is none",
            mend="write segments=auto",
        )
    return [
        joined({s: _drawn(s, array[row], spatial, grid) for s, array in arrays.items()}, shapes)
        for row in range(count(arrays))
    ]


def joined(labels: Mapping[str, Labels], shapes: Mapping[str, tuple[int, ...]]) -> Segments:
    """Return the segments of several sites as one numbering, one site after the other."""
    numbered, sizes, first = {}, [], 0
    for site, own in labels.items():
        each = int(np.prod(shapes[site])) // own.size
        numbered[site] = own + first
        sizes.append(np.bincount(own.ravel()) * each)
        first += len(sizes[-1])
    return Segments(numbered, np.concatenate(sizes))


def parts(site: str, shape: Sequence[int], axes: tuple[int, int] | None) -> tuple[str, ...]:
    """Return the part of each axis; `axes` are a picture's, the batch axis counted."""
    if axes is not None:
        return tuple("cut" if axis + 1 in axes else "whole" for axis in range(len(shape)))
    if len(shape) < 2:
        return ("each",) * len(shape)
    if len(shape) == 2:
        return ("each", "whole") if site.startswith(LAYER) else ("cut", "apart")
    return ("cut",) * (len(shape) - 1) + ("whole",)


def channel_axis(ndim: int, axes: tuple[int, int] | None) -> int | None:
    """Return the axis of a sample's channels, or of its embedding; None for a vector.

    `axes` are a picture's height and width, the batch axis counted.
    """
    if axes is None:
        return ndim - 1 if ndim > 1 else None
    return next((axis for axis in range(ndim) if axis + 1 not in axes), None)


def _labels(
    site: str, shape: tuple[int, ...], axes: tuple[int, int] | None, kind: str, grid: int | None
) -> Labels:
    if kind == "features":
        return np.arange(int(np.prod(shape))).reshape(shape)
    roles = parts(site, shape, axes)
    if kind == "windows":
        roles = tuple("cut" if part == "each" else part for part in roles)
    spans = grid or _spans(roles.count("cut"))
    labels = np.zeros((1,) * len(shape), np.intp)
    for axis, (part, length) in enumerate(zip(roles, shape, strict=True)):
        if part == "whole":
            continue
        number = min(spans, length) if part == "cut" else length
        along = np.arange(length) * number // length
        labels = labels * number + along.reshape(
            [-1 if a == axis else 1 for a in range(len(shape))]
        )
    return labels


def _spans(cut: int) -> int:
    """Return into how many spans each of the axes that are cut is cut."""
    return SPANS if cut < 2 else max(2, round(WINDOWS ** (1 / cut)))


def _drawn(site: str, values: Array, spatial: Spatial, grid: int | None) -> Labels:
    """Return superpixels of a sample's picture; sites that are none are segmented as ever."""
    if site not in spatial:
        return _labels(site, values.shape, None, "auto", grid)
    labels = superpixels(picture(values, spatial[site]), (grid or _spans(2)) ** 2)
    return labels.reshape(plane(values.ndim, spatial[site], labels.shape))


def picture(values: Array, axes: tuple[int, int]) -> Array:
    """Return a sample as (H, W, C); `axes` are its height and width, the batch axis counted."""
    return np.moveaxis(values, (axes[0] - 1, axes[1] - 1), (0, 1))


def plane(ndim: int, axes: tuple[int, int], size: Sequence[int]) -> list[int]:
    """Return the shape in which a plane (H, W) spreads over a sample with `ndim` axes."""
    shape = [1] * ndim
    shape[axes[0] - 1], shape[axes[1] - 1] = size
    return shape


def superpixels(values: Array, number: int) -> Labels:
    """Return the labels (H, W) of about `number` superpixels (SLIC) of a picture (H, W, C).

    Achanta et al. 2012.
    """
    shown = _stretched(values)
    # Three channels become Lab, where light runs from 0 to 100; others stay from 0 to 1.
    compactness = 10.0 if shown.shape[-1] == 3 else 0.1
    found = _skimage().segmentation.slic(shown, number, compactness, start_label=0)
    return _renumbered(found)


def regions(values: Array) -> list[Labels]:
    """Return a picture (H, W, C) in regions, ever larger: labels (h, w), one array a scale.

    Pictures larger than 224 are made smaller, each side by itself; in smaller ones the regions are
    as much smaller. Felzenszwalb and Huttenlocher 2004.
    """
    shown, tools = _stretched(values) * 2 - 1, _skimage()
    size = (min(values.shape[0], SIDE), min(values.shape[1], SIDE))
    if size != values.shape[:2]:
        shown = tools.transform.resize(shown, size, mode="edge", anti_aliasing=True)
    share = size[0] * size[1] / SIDE**2
    smallest = max(round(SMALLEST * share), 1)
    return [
        _renumbered(
            tools.segmentation.felzenszwalb(shown, scale * share, sigma=0.8, min_size=smallest)
        )
        for scale in SCALES
    ]


def _stretched(values: Array) -> Floats:
    """Return the picture with values from 0 to 1; a flat one is 0."""
    low, high = values.min(), values.max()
    return np.asarray((values.astype(np.float64) - low) / ((high - low) or 1.0))


def _renumbered(labels: Array) -> Labels:
    _, found = np.unique(labels, return_inverse=True)
    return found.reshape(labels.shape).astype(np.intp)


def _skimage() -> Any:
    try:
        import skimage
        import skimage.segmentation
        import skimage.transform
    except ImportError:
        raise UsageError(
            "superpixels and regions need scikit-image",
            mend="install it with: pip install 'inputgrad-cli[superpixels]'",
        ) from None
    return skimage

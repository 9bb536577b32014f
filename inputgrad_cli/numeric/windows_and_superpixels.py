"""Segments of a sample: values that are changed together, such as windows or superpixels.

Every axis of a site has a role:

- `split`: it is split into spans (height, width, time).
- `single`: each position is a segment (features, tokens), unless windows are requested.
- `separate`: each position is a segment, whatever is requested (channels of a series).
- `joint`: all positions belong to one segment (channels of a picture, an embedding).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.errors import UsageError
from inputgrad_cli.numeric.array_helpers import Array, Arrays, Floats, count_rows
from inputgrad_cli.option_choices import LAYER

KINDS = ("auto", "windows", "features", "superpixels")
DEFAULT_SPANS = 16  # for one axis that is split
DEFAULT_WINDOWS = 64  # about, if several axes are split
MAX_SIDE_PIXELS = 224  # larger pictures are reduced before regions are searched
# Scales of Felzenszwalb's method, as in XRAI: a larger scale gives larger regions.
REGION_SCALES = (50, 100, 150, 250, 500, 1200)
MIN_REGION_PIXELS = 150  # in a picture of 224 x 224

Labels = NDArray[np.intp]
SpatialAxes = Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Segments:
    """The segments of one sample, numbered across all sites.

    `labels` hold the segment of every value, by site. They have the axes of the site; axes along
    which all values belong together have length one. `sizes` is the number of values of each
    segment, (M,).
    """

    labels: Mapping[str, Labels]
    sizes: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.sizes)

    def spread(self, values: Array) -> dict[str, Array]:
        """Return values of segments (..., M) at every position, (..., shape of the labels)."""
        return {site: np.take(values, labels, axis=-1) for site, labels in self.labels.items()}


def segment_arrays(
    arrays: Arrays, spatial_axes: SpatialAxes, kind: str, grid: int | None
) -> list[Segments]:
    """Return the segments of each sample; `arrays` are the sites' values, (B, ...).

    `spatial_axes` are the height and width axes of pictures, by site; `grid` is the number of spans
    of an axis that is split. UsageError if superpixels are requested and no site is a picture.
    """
    shapes = {site: array.shape[1:] for site, array in arrays.items()}
    if kind != "superpixels":
        labels = {
            s: _build_labels(s, shape, spatial_axes.get(s), kind, grid)
            for s, shape in shapes.items()
        }
        return [join_labels(labels, shapes)] * count_rows(arrays)
    if not any(site in spatial_axes for site in arrays):
        raise UsageError(
            "segments=superpixels needs a picture input",
            reason=f"{', '.join(arrays)} is no picture",
            hint="write segments=auto",
        )
    return [
        join_labels(
            {
                s: _label_superpixels(s, array[row], spatial_axes, grid)
                for s, array in arrays.items()
            },
            shapes,
        )
        for row in range(count_rows(arrays))
    ]


def join_labels(labels: Mapping[str, Labels], shapes: Mapping[str, tuple[int, ...]]) -> Segments:
    """Return the segments of several sites, numbered one site after the other."""
    joined, sizes, first = {}, [], 0
    for site, array in labels.items():
        values_per_label = int(np.prod(shapes[site])) // array.size
        joined[site] = array + first
        sizes.append(np.bincount(array.ravel()) * values_per_label)
        first += len(sizes[-1])
    return Segments(joined, np.concatenate(sizes))


def find_axis_roles(
    site: str, shape: Sequence[int], axes: tuple[int, int] | None
) -> tuple[str, ...]:
    """Return the role of each axis of a sample (see the module docstring).

    `axes` are the height and width axes of a picture, counted with the batch axis.
    """
    if axes is not None:
        return tuple("split" if axis + 1 in axes else "joint" for axis in range(len(shape)))
    if len(shape) < 2:
        return ("single",) * len(shape)
    if len(shape) == 2:
        return ("single", "joint") if site.startswith(LAYER) else ("split", "separate")
    return ("split",) * (len(shape) - 1) + ("joint",)


def find_channel_axis(ndim: int, axes: tuple[int, int] | None) -> int | None:
    """Return the axis of a sample's channels or of its embedding; None for a vector.

    `axes` are the height and width axes of a picture, counted with the batch axis.
    """
    if axes is None:
        return ndim - 1 if ndim > 1 else None
    return next((axis for axis in range(ndim) if axis + 1 not in axes), None)


def _build_labels(
    site: str, shape: tuple[int, ...], axes: tuple[int, int] | None, kind: str, grid: int | None
) -> Labels:
    """Return the segment labels of one site, which do not depend on its values."""
    if kind == "features":
        return np.arange(int(np.prod(shape))).reshape(shape)
    roles = find_axis_roles(site, shape, axes)
    if kind == "windows":
        roles = tuple("split" if role == "single" else role for role in roles)
    spans = grid or _count_spans(roles.count("split"))
    labels = np.zeros((1,) * len(shape), np.intp)
    for axis, (role, length) in enumerate(zip(roles, shape, strict=True)):
        if role == "joint":
            continue
        segments = min(spans, length) if role == "split" else length
        along = np.arange(length) * segments // length
        along = along.reshape([-1 if a == axis else 1 for a in range(len(shape))])
        labels = labels * segments + along
    return labels


def _count_spans(split_axes: int) -> int:
    """Return the default number of spans of each axis that is split."""
    return DEFAULT_SPANS if split_axes < 2 else max(2, round(DEFAULT_WINDOWS ** (1 / split_axes)))


def _label_superpixels(
    site: str, values: Array, spatial_axes: SpatialAxes, grid: int | None
) -> Labels:
    """Return superpixels of a sample's picture; other sites get their usual segments."""
    if site not in spatial_axes:
        return _build_labels(site, values.shape, None, "auto", grid)
    labels = find_superpixels(
        to_picture(values, spatial_axes[site]), (grid or _count_spans(2)) ** 2
    )
    return labels.reshape(compute_plane_shape(values.ndim, spatial_axes[site], labels.shape))


def to_picture(values: Array, axes: tuple[int, int]) -> Array:
    """Return a sample as (H, W, C); `axes` are height and width, counted with the batch axis."""
    return np.moveaxis(values, (axes[0] - 1, axes[1] - 1), (0, 1))


def compute_plane_shape(ndim: int, axes: tuple[int, int], size: Sequence[int]) -> list[int]:
    """Return the shape with which a plane (H, W) broadcasts over a sample with `ndim` axes."""
    shape = [1] * ndim
    shape[axes[0] - 1], shape[axes[1] - 1] = size
    return shape


def find_superpixels(values: Array, segments: int) -> Labels:
    """Return the labels (H, W) of about `segments` superpixels (SLIC) of a picture (H, W, C).

    Achanta et al. 2012.
    """
    rescaled = _rescale(values)
    # SLIC converts three channels to Lab, whose lightness goes up to 100, not 1; compactness is
    # weighed against these values.
    compactness = 10.0 if rescaled.shape[-1] == 3 else 0.1
    labels = _import_skimage().segmentation.slic(rescaled, segments, compactness, start_label=0)
    return _renumber(labels)


def find_regions(values: Array) -> list[Labels]:
    """Return regions of a picture (H, W, C): one array of labels (h, w) for each scale.

    Sides longer than 224 pixels are reduced to 224. In smaller pictures the regions are smaller in
    proportion to the area. Felzenszwalb and Huttenlocher 2004.
    """
    rescaled, skimage = _rescale(values) * 2 - 1, _import_skimage()
    size = (min(values.shape[0], MAX_SIDE_PIXELS), min(values.shape[1], MAX_SIDE_PIXELS))
    if size != values.shape[:2]:
        rescaled = skimage.transform.resize(rescaled, size, mode="edge", anti_aliasing=True)
    area = size[0] * size[1] / MAX_SIDE_PIXELS**2  # relative to 224 x 224
    smallest = max(round(MIN_REGION_PIXELS * area), 1)
    return [
        _renumber(
            skimage.segmentation.felzenszwalb(rescaled, scale * area, sigma=0.8, min_size=smallest)
        )
        for scale in REGION_SCALES
    ]


def _rescale(values: Array) -> Floats:
    """Rescale values to the range from 0 to 1; a constant picture becomes 0."""
    low, high = values.min(), values.max()
    return np.asarray((values.astype(np.float64) - low) / ((high - low) or 1.0))


def _renumber(labels: Array) -> Labels:
    """Return the labels numbered from 0 without gaps."""
    _, renumbered = np.unique(labels, return_inverse=True)
    return renumbered.reshape(labels.shape).astype(np.intp)


def _import_skimage() -> Any:
    """Return scikit-image; UsageError if it is not installed."""
    try:
        import skimage
        import skimage.segmentation
        import skimage.transform
    except ImportError:
        raise UsageError(
            "superpixels and regions need scikit-image",
            hint="install it with: pip install 'inputgrad-cli[superpixels]'",
        ) from None
    return skimage

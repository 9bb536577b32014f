"""The score that is lost when a sliding window covers the input."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch, methods
from inputgrad_cli.methods._point_chunks import Indices
from inputgrad_cli.methods.perturbation._masking import PerturbationMethod, compute_masked_scores
from inputgrad_cli.numeric.array_helpers import Arrays
from inputgrad_cli.numeric.windows_and_superpixels import find_axis_roles, find_channel_axis
from inputgrad_cli.registry import declare_parameter

Window = tuple[slice, ...]
WINDOWS_PER_AXIS = 8  # the default window is an eighth of the axis


@methods.register
@dataclass(frozen=True)
class Occlusion(PerturbationMethod):
    """Score that is lost where a sliding window takes the value of the baseline.

    Values are the mean, over the windows that cover a value, of score - score with the window at
    the baseline: (B, ...) as the input, in units of the score. Windows slide over height and width,
    covering all channels; over time, for each channel; and over single features and tokens. The
    last window is moved back to end at the edge. Only one input is covered at a time.
    Zeiler and Fergus 2013, arXiv:1311.2901.
    """

    name = "occlusion"
    paper = "arXiv:1311.2901"
    aliases = (
        "occlusion-sensitivity", "occlusion-map", "sliding-window", "patch-occlusion", "masking",
    )  # fmt: skip
    linear_exact = "difference times gradient"

    window: int | None = declare_parameter(
        None,
        "side of the window; unset: an eighth of the axis, 1 for features and tokens",
        minimum=1,
    )
    stride: int | None = declare_parameter(
        None, "from one window to the next; unset: half a window, rounded up", minimum=1
    )

    def __post_init__(self) -> None:
        """Refuse windows that leave gaps."""
        if self.window is not None and self.stride is not None:
            self._find_stride(self.window)

    @property
    def quantity(self) -> str:
        """Return the label of colour bars."""
        return "{space} lost under the windows, mean"

    @property
    def passes(self) -> int:
        """Return the number of windows of a picture."""
        return (2 * WINDOWS_PER_AXIS - 1) ** 2

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the mean loss over the windows that cover each value."""
        windows = [(s, w) for s in batch.sites for w in self._list_windows(batch, s)]
        clean = batch.compute_clean_scores(engine)

        def build_masks(row: int, indices: Indices) -> Arrays:
            masks = {
                s: np.ones((len(indices), *batch.inputs[s].shape[1:]), bool) for s in batch.sites
            }
            for i, index in enumerate(indices):
                site, window = windows[index]
                masks[site][(i, *window)] = False
            return masks

        scores = compute_masked_scores(engine, batch, [len(windows)] * len(batch), build_masks)
        losses = clean.astype(np.float64)[:, np.newaxis] - np.stack(scores)
        total = {s: np.zeros(batch.inputs[s].shape, np.float64) for s in batch.sites}
        cover = {s: np.zeros(batch.inputs[s].shape[1:], np.intp) for s in batch.sites}
        for index, (site, window) in enumerate(windows):
            region = total[site][(slice(None), *window)]
            region += losses[:, index].reshape(-1, *[1] * (region.ndim - 1))
            cover[site][window] += 1
        values = {s: (total[s] / cover[s]).astype(np.float32) for s in batch.sites}
        return MethodResult(
            values,
            broadcast_sites=frozenset(s for s in batch.sites if self._has_joint_channels(batch, s)),
        )

    def _has_joint_channels(self, batch: Batch, site: str) -> bool:
        """Return whether a window covers all channels at once."""
        shape, axes = batch.inputs[site].shape[1:], batch.spatial_axes.get(site)
        axis = find_channel_axis(len(shape), axes)
        return axis is not None and find_axis_roles(site, shape, axes)[axis] == "joint"

    def _list_windows(self, batch: Batch, site: str) -> Sequence[Window]:
        """Return the windows of a site, as slices along the axes of a sample."""
        shape = batch.inputs[site].shape[1:]
        roles = find_axis_roles(site, shape, batch.spatial_axes.get(site))
        return list(product(*(self._list_spans(*axis) for axis in zip(roles, shape, strict=True))))

    def _list_spans(self, role: str, length: int) -> list[slice]:
        """Return the windows along one axis."""
        if role in ("joint", "separate"):
            step = length if role == "joint" else 1
            return [slice(start, start + step) for start in range(0, length, step)]
        # Negated floor division rounds up.
        usual = -(-length // WINDOWS_PER_AXIS) if role == "split" else 1
        step = self._find_stride(self.window or usual)
        window = min(self.window or usual, length)
        # The last window ends at the edge, so it may overlap more than a stride demands.
        starts = [*range(0, length - window, step), length - window]
        return [slice(start, start + window) for start in starts]

    def _find_stride(self, window: int) -> int:
        """Return the distance between windows; UsageError if it leaves gaps."""
        if self.stride is None:
            return -(-window // 2)
        if self.stride > window:
            raise UsageError(
                f"occlusion: stride={self.stride} leaves gaps between windows of {window}",
                hint=f"write stride={window} or less, or a larger window=",
            )
        return self.stride

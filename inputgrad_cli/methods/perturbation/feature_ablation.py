"""The score that is lost when one segment is removed."""

import re
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.errors import UsageError
from inputgrad_cli.expression_parser import as_list
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch, methods
from inputgrad_cli.methods._point_chunks import Indices
from inputgrad_cli.methods.perturbation._masking import (
    SegmentMethod,
    compute_masked_scores,
    fill_segments,
)
from inputgrad_cli.numeric.array_helpers import Arrays
from inputgrad_cli.numeric.windows_and_superpixels import Labels, Segments, join_labels
from inputgrad_cli.registry import declare_parameter


@methods.register
@dataclass(frozen=True)
class FeatureAblation(SegmentMethod):
    """Score that is lost where a segment takes the value of the baseline, one at a time.

    Values are score - score without the segment, the same for all of its values (not divided among
    them, as in Captum): (B, ...) as the input, in units of the score. A segment is a window of a
    picture, a feature, a token, or a span of time of one channel. `groups` joins features of a
    vector; features that it does not name stay single.
    Li et al. 2016, arXiv:1612.08220.
    """

    name = "feature-ablation"
    paper = "arXiv:1612.08220"
    aliases = ("ablation", "perturbation", "permutation", "leave-one-out", "drop-column")
    linear_exact = "difference times gradient"
    max_segments = 65536

    groups: str = declare_parameter("", "features of a vector that go together: 0-3;5;7-9")

    def __post_init__(self) -> None:
        """Refuse groups that cannot be parsed, that overlap, or that are combined with segments."""
        self._parse_groups()
        if self.groups and (self.segments, self.grid) != ("auto", None):
            raise UsageError(
                "feature-ablation: groups= already defines the segments",
                hint="leave out segments= and grid=",
            )

    @property
    def quantity(self) -> str:
        """Return the label of colour bars."""
        return "{space} lost without the segment"

    @property
    def passes(self) -> int:
        """Return the number of windows of a picture."""
        # Pictures have 8 windows a side by default.
        return (self.grid or 8) ** 2

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the loss of each segment."""
        segments = self.find_segments(batch)
        clean = batch.compute_clean_scores(engine)

        def build_masks(row: int, indices: Indices) -> Arrays:
            # Copy i keeps all values that are not in segment i.
            labels = segments[row].labels
            return {
                s: array != indices.reshape(-1, *[1] * array.ndim) for s, array in labels.items()
            }

        scores = compute_masked_scores(
            engine, batch, [len(sample_segments) for sample_segments in segments], build_masks
        )
        losses = [float(score) - masked for score, masked in zip(clean, scores, strict=True)]
        return fill_segments(batch, segments, losses)

    def find_segments(self, batch: Batch) -> list[Segments]:
        """Return the segments of each sample, or the groups of a vector."""
        if not self.groups:
            return super().find_segments(batch)
        shapes = {site: batch.inputs[site].shape[1:] for site in batch.sites}
        if len(shapes) != 1 or len(shape := shapes[batch.sites[0]]) != 1:
            raise UsageError(
                "feature-ablation: groups= needs one vector",
                reason="the inputs are " + ", ".join(f"{s} {dims}" for s, dims in shapes.items()),
                hint="name a vector with --wrt, or use segments=",
            )
        return [join_labels({batch.sites[0]: self._label_groups(shape[0])}, shapes)] * len(batch)

    def _label_groups(self, features: int) -> Labels:
        """Return the group of each feature, numbered in the order of their first features."""
        # Each feature is a group of its own until a group joins it to its first feature.
        first = np.arange(features)
        for group in self._parse_groups():
            if group[-1] >= features:
                raise UsageError(
                    f"feature-ablation: groups= names feature {group[-1]}",
                    reason=f"there are {features}, counted from 0",
                )
            first[group] = group[0]
        # The inverse numbers the groups without gaps.
        return np.unique(first, return_inverse=True)[1]

    def _parse_groups(self) -> list[list[int]]:
        """Return the features of each group; UsageError if the text is wrong or groups overlap."""
        groups, seen = [], set[int]()
        for text in as_list(self.groups) if self.groups else []:
            ends = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
            group = list(range(int(ends[1]), int(ends[2] or ends[1]) + 1)) if ends else []
            if not group or seen.intersection(group):
                reason = "is in two groups" if group else "is neither a feature nor a range"
                raise UsageError(
                    f"feature-ablation: groups={self.groups}: {text!r} {reason}",
                    hint="write groups=0-3;5;7-9",
                )
            seen.update(group)
            groups.append(group)
        return groups

"""The score that is lost where one segment is taken away."""

import re
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.errors import UsageError
from inputgrad_cli.grammar import as_list
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case, methods
from inputgrad_cli.methods.perturbation._masking import Segmenting, painted, scored
from inputgrad_cli.numeric.arrays import Arrays
from inputgrad_cli.numeric.probes import Rows
from inputgrad_cli.numeric.segments import Labels, Segments, joined
from inputgrad_cli.registry import param


@methods.register
@dataclass(frozen=True)
class FeatureAblation(Segmenting):
    """Score that is lost where a segment takes the value of the baseline, one at a time.

    Values are score - score without the segment, the same for all of its values (as in Captum, not
    shared out among them): (B, ...) as the input, in units of the score. A window of a picture, a
    feature, a token, a span of time of one channel is a segment; `groups` puts features of a vector
    together, those that are not named stay alone.
    Li et al. 2016, arXiv:1612.08220.
    """

    name = "feature-ablation"
    paper = "arXiv:1612.08220"
    known_as = ("ablation", "perturbation", "permutation", "leave-one-out", "drop-column")
    linear_exact = "difference times gradient"
    most = 65536

    groups: str = param("", "features of a vector that go together: 0-3;5;7-9")

    def __post_init__(self) -> None:
        """Refuse groups that cannot be read, overlap, or stand beside segments."""
        self._groups()
        if self.groups and (self.segments, self.grid) != ("auto", None):
            raise UsageError(
                "feature-ablation: groups= says already what goes together",
                mend="leave out segments= and grid=",
            )

    @property
    def quantity(self) -> str:
        """Return what a value is."""
        return "{space} lost without the segment"

    @property
    def passes(self) -> int:
        """Return the windows of a picture."""
        return (self.grid or 8) ** 2

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the loss of each segment."""
        players = self.players(case)
        clean = case.clean_scores(engine)

        def masks(row: int, numbers: Rows) -> Arrays:
            labels = players[row].labels
            return {s: own != numbers.reshape(-1, *[1] * own.ndim) for s, own in labels.items()}

        found = scored(engine, case, [len(each) for each in players], masks)
        lost = [float(score) - rest for score, rest in zip(clean, found, strict=True)]
        return painted(case, players, lost)

    def players(self, case: Case) -> list[Segments]:
        """Return the segments of each sample, or the groups of a vector."""
        if not self.groups:
            return super().players(case)
        shapes = {site: case.inputs[site].shape[1:] for site in case.sites}
        if len(shapes) != 1 or len(shape := shapes[case.sites[0]]) != 1:
            raise UsageError(
                "feature-ablation: groups= needs one vector",
                reason="the inputs are " + ", ".join(f"{s} {dims}" for s, dims in shapes.items()),
                mend="name a vector with --wrt, or use segments=",
            )
        return [joined({case.sites[0]: self._grouped(shape[0])}, shapes)] * len(case)

    def _grouped(self, features: int) -> Labels:
        """Return the number of each feature's group, in the order of their first features."""
        first = np.arange(features)
        for group in self._groups():
            if group[-1] >= features:
                raise UsageError(
                    f"feature-ablation: groups= names feature {group[-1]}",
                    reason=f"there are {features}, counted from 0",
                )
            first[group] = group[0]
        return np.unique(first, return_inverse=True)[1]

    def _groups(self) -> list[list[int]]:
        groups, seen = [], set[int]()
        for text in as_list(self.groups) if self.groups else []:
            ends = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
            group = list(range(int(ends[1]), int(ends[2] or ends[1]) + 1)) if ends else []
            if not group or seen.intersection(group):
                what = "stands in two groups" if group else "is no feature and no range"
                raise UsageError(
                    f"feature-ablation: groups={self.groups}: {text!r} {what}",
                    mend="write groups=0-3;5;7-9",
                )
            seen.update(group)
            groups.append(group)
        return groups

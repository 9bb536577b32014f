"""Summarizes the searches of a run: accuracies with their intervals, distances, curves.

Imports no NumPy, because `--help` reads the module that checks gates.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles

SUCCESS, FAILED, ALREADY = "success", "failed", "already"
NORMAL_QUANTILE = 1.959963984540054  # of 97.5 %: both ends of an interval of 95 %


@dataclass(frozen=True)
class Outcome:
    """What a search of one sample came to, as its stored result shows.

    `status` is SUCCESS, FAILED or ALREADY: reached before the search. `distance` is that of the
    result, in the norm of the goal and as a fraction of the range of pixels or in units of the
    input. `radius` is the smallest radius in which it was reached, infinity if there is none.
    """

    status: str
    distance: float = 0.0
    radius: float = math.inf
    gradient_calls: int = 0
    stop: str = ""

    @property
    def nearest(self) -> float:
        """Return the distance to the nearest point that is reached: 0 if it was before."""
        return {SUCCESS: self.distance, ALREADY: 0.0}.get(self.status, math.inf)


@dataclass(frozen=True)
class Share:
    """A share `count` of `total`, with the 95 % interval of Wilson (doi:10.2307/2276774)."""

    count: int
    total: int

    @property
    def value(self) -> float:
        """Return the share, from 0 to 1; NaN of nothing."""
        return self.count / self.total if self.total else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Return the lower and the upper end; (0, 1) if there is nothing to count."""
        if not self.total:
            return 0.0, 1.0
        z2 = NORMAL_QUANTILE**2 / self.total
        middle = (self.value + z2 / 2) / (1 + z2)
        variance = self.value * (1 - self.value) / self.total + z2 / (4 * self.total)
        half = NORMAL_QUANTILE * math.sqrt(variance) / (1 + z2)
        # At 0 and 1 the ends are exact, whatever the rounding.
        low = 0.0 if self.count == 0 else middle - half
        high = 1.0 if self.count == self.total else middle + half
        return low, high


@dataclass(frozen=True)
class CurvePoint:
    """The share of samples that no search reached within a radius."""

    radius: float
    robust: Share


@dataclass(frozen=True)
class SearchSummary:
    """The outcomes of a goal for a target over all samples of a run.

    `name` is the label of the goal. `leaves_class` is true for attacks away from a class, of which
    a success means that the model is not robust; with `has_labels` that class is the true one, else
    the predicted one. `norm` is the goal's norm, `radii` its radii in ascending order; for pictures
    both radii and distances are shares of the range of pixels (`in_pixels`). Without `has_end`
    no score counts as reached, and a success is a higher score than before.
    """

    name: str
    target: str
    outcomes: Sequence[Outcome]
    goal: str = ""
    leaves_class: bool = False
    has_labels: bool = False
    norm: str = ""
    radii: tuple[float, ...] = ()
    in_pixels: bool = False
    has_end: bool = True

    @property
    def total(self) -> int:
        """Return the number of samples."""
        return len(self.outcomes)

    @property
    def counts(self) -> Counter[str]:
        """Return the number of samples by status."""
        return Counter(outcome.status for outcome in self.outcomes)

    @property
    def clean(self) -> Share:
        """Return the share of samples that are right, or not reached, before the search."""
        return Share(self.total - self.counts[ALREADY], self.total)

    @property
    def robust(self) -> Share:
        """Return the share of all samples that are still right after the search."""
        # A sample that was wrong before the search is not robust, as RobustBench counts it.
        return Share(self.counts[FAILED], self.total)

    @property
    def success(self) -> Share:
        """Return the share of successes among the samples that were to be reached."""
        # A sample that was wrong before the search is no success of the attack.
        return Share(self.counts[SUCCESS], self.total - self.counts[ALREADY])

    @property
    def robust_accuracy(self) -> float | None:
        """Return the share that is still right, None for goals that do not leave a class."""
        return self.robust.value if self.leaves_class and self.total else None

    @property
    def success_rate(self) -> float | None:
        """Return the share of successes, None if there was nothing to reach."""
        return self.success.value if self.success.total else None

    @property
    def valid_share(self) -> float | None:
        """Return the share of results for which the goal holds, None without samples."""
        return 1.0 - self.robust.value if self.total else None

    @property
    def quartiles(self) -> tuple[float, float, float] | None:
        """Return the quartiles of the distances: infinity for failures, 0 if reached before."""
        if not self.total:
            return None
        values = sorted(outcome.nearest for outcome in self.outcomes)
        # Before Python 3.13 `quantiles` refuses a single value.
        if len(values) == 1:
            return values[0], values[0], values[0]
        finite = [value for value in values if math.isfinite(value)]
        # Interpolation between infinite values would be NaN; they are put back afterwards.
        limit = (finite[-1] if finite else 0.0) * 2 + 1
        cut = quantiles([min(value, limit) for value in values], n=4, method="inclusive")
        largest = finite[-1] if finite else -1.0
        low, middle, high = (math.inf if value > largest else value for value in cut)
        return low, middle, high

    @property
    def median_distance(self) -> float | None:
        """Return the median distance to the nearest point that is reached."""
        return None if self.quartiles is None else self.quartiles[1]

    @property
    def gradient_calls(self) -> int:
        """Return the number of gradients of all searches together."""
        return sum(outcome.gradient_calls for outcome in self.outcomes)

    @property
    def zero_gradients(self) -> Share:
        """Return the share of searches that ended because the gradient was zero."""
        ended = sum(outcome.stop == "zero-gradient" for outcome in self.outcomes)
        return Share(ended, self.total - self.counts[ALREADY])

    def build_curve(self, radii: Sequence[float] = ()) -> list[CurvePoint]:
        """Return the robust share at each radius; it never rises with the radius.

        A sample that is reached in a small radius counts in all larger ones, too.
        """
        return [
            CurvePoint(radius, Share(sum(o.radius > radius for o in self._open), self.total))
            for radius in radii or self.radii
        ]

    @property
    def _open(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.status != ALREADY]

    def to_json(self) -> dict[str, object]:
        """Return what the summary of the machine stream holds; infinity is null."""
        return {
            "method": self.name,
            "goal": self.goal,
            "target": self.target,
            "samples": self.total,
            **{status: self.counts[status] for status in (SUCCESS, FAILED, ALREADY)},
            **({"robust": _to_record(self.robust)} if self.leaves_class else {}),
            "clean": _to_record(self.clean),
            "success_rate": self.success_rate,
            "norm": self.norm or None,
            "distance": list(self.quartiles) if self.quartiles else None,
            "gradients": self.gradient_calls,
            "zero_gradients": self.zero_gradients.count,
            **({"curve": self._list_curve()} if len(self.radii) > 1 else {}),
        }

    def _list_curve(self) -> list[dict[str, object]]:
        return [
            {"radius": point.radius, **_to_record(point.robust)} for point in self.build_curve()
        ]


def _to_record(share: Share) -> dict[str, object]:
    low, high = share.interval
    return {"value": share.value, "low": low, "high": high}

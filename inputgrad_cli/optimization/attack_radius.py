"""The parameter `eps`, the radius of an attack, and the search through several radii."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.errors import UsageError
from inputgrad_cli.expression_parser import as_list
from inputgrad_cli.interfaces.goal import PIXEL_RANGE, Goal, Problem, SearchResult
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.numeric.random_streams import draw_normal
from inputgrad_cli.optimization.best_point_and_trace import SearchLog
from inputgrad_cli.optimization.norm_balls import BALLS, Ball
from inputgrad_cli.registry import declare_parameter

# The radii of RobustBench for pictures, by norm: 8 levels, and half the range of a pixel.
DEFAULT_RADII = {"inf": "8/255", "2": "0.5"}
NUMBER = r"\d*\.?\d+(?:e[+-]?\d+)?|\d+\."
FRACTION = re.compile(rf"({NUMBER})(?:\s*/\s*({NUMBER}))?", re.IGNORECASE)
LEVEL_SLACK = 1e-6  # of a level: 8/255 * 255 may be just below 8


@dataclass(frozen=True)
class Radius:
    """A radius of an attack.

    `eps` is the one that was asked for, and `share` the one that is searched, both as shares of the
    unit of the problem; `length` is the latter in values of the problem. `note` is a sentence for
    the reader, empty if there is nothing to say.
    """

    eps: float
    share: float
    length: float
    note: str = ""


@dataclass(frozen=True)
class RadiusGoal(Goal):
    """The base of attacks that search the points within a radius about the input."""

    family = "attack"
    leaves_class = True

    eps: str | None = declare_parameter(
        None,
        "radius: for pictures a share of the pixel range (8/255 if not given; 0.5 with norm=2), "
        "else in units of the input; several as 1/255;2/255",
    )
    norm: str = declare_parameter(
        "inf", "inf: no value moves by more than eps; 2: the Euclidean distance", choices=BALLS
    )

    def __post_init__(self) -> None:
        """Refuse a radius that is not a positive number or a fraction."""
        if self.eps is not None:
            parse_radii(self.eps, "eps")

    def choose_radii(self, unit: float) -> tuple[Radius, ...]:
        """Return the radii in ascending order; `unit` is `Problem.radius_unit`.

        Raises UsageError for a radius that makes no sense in this unit.
        """
        if unit == PIXEL_RANGE:
            shares = parse_radii(self.eps or DEFAULT_RADII[self.norm], "eps")
            return tuple(_choose_pixel_radius(share, self.norm) for share in shares)
        if self.eps is None:
            raise UsageError(
                f"{self.name} needs a radius for inputs that are not pictures",
                hint=f"give it in units of the input, for example {self.name}:eps=0.1",
            )
        return tuple(Radius(share, share, share * unit) for share in parse_radii(self.eps, "eps"))

    def yield_balls(self, log: SearchLog) -> Iterator[Ball]:
        """Yield the balls of all radii, the smallest first, as long as an item is to be searched.

        An item that is reached in a ball is inside all larger ones, and is not searched again. The
        starts have been evaluated before, and count as radius 0.
        """
        problem = log.problem
        # 0.03 and 7/255 are both 7 levels.
        radii = {radius.length: radius for radius in self.choose_radii(problem.radius_unit)}
        for index, radius in enumerate(radii.values()):
            if not len(log.list_open_rows()):
                return
            ball = BALLS[self.norm](problem, radius.length)
            log.limit, log.round_points = radius.share, ball.round_points
            log.part = (index, len(radii))
            yield ball
            if problem.should_stop():
                return
            log.settle()

    def draw_noise(self, problem: Problem, result: SearchResult) -> Array:
        """Return points in random directions on the edge of the radius, rounded as stored.

        It is the radius in which an item was reached, or the largest. With norm=inf every value
        moves by all of it, and only the signs are random. Starts that were there do not move.
        """
        radii = self.choose_radii(problem.radius_unit)
        indices = np.searchsorted([radius.share for radius in radii], result.radius)
        indices = np.minimum(indices, len(radii) - 1)
        points = np.array(problem.start, np.float32)
        for index, radius in enumerate(radii):
            rows = np.flatnonzero((indices == index) & (result.radius > 0))
            if not len(rows):
                continue
            ball, shape = BALLS[self.norm](problem, radius.length), points.shape[1:]
            seeds = [problem.seeds[row] for row in rows.tolist()]
            directions = [draw_normal(seed, "noise", 0, shape) for seed in seeds]
            points[rows] = ball.round_points(ball.find_highest(np.stack(directions), rows), rows)
        return points


def open_log(problem: Problem) -> SearchLog:
    """Return a log in which what is evaluated first, the start, counts as radius 0."""
    log = SearchLog(problem)
    log.limit = 0.0
    return log


def parse_radii(text: str, name: str) -> tuple[float, ...]:
    """Return the numbers or fractions of a list `1/255;2/255`, each once, in ascending order.

    Raises UsageError; `name` is the parameter in its message.
    """
    values = set()
    for part in as_list(text):
        match = FRACTION.fullmatch(part)
        divisor = float(match[2] or 1) if match else 0.0
        if match is None or divisor == 0 or not math.isfinite(float(match[1]) / divisor):
            raise UsageError(
                f"{name} must be a number or a fraction that is not negative",
                hint=f"for example {name}=8/255, or {name}=1/255;2/255 for several",
                received=text,
            )
        values.add(float(match[1]) / divisor)
    return tuple(sorted(values))


def parse_step(text: str) -> float:
    """Return the length of a step; UsageError unless it is a positive number or fraction."""
    lengths = parse_radii(text, "step")
    if len(lengths) > 1 or lengths[0] == 0:
        raise UsageError(
            "step must be one length above 0", hint="for example step=1/255", received=text
        )
    return lengths[0]


def _choose_pixel_radius(share: float, norm: str) -> Radius:
    levels = share * PIXEL_RANGE
    if share >= 1:
        raise UsageError(
            f"a radius of eps={share:g} is the whole range of a pixel or more",
            reason="eps is a share of that range",
            hint=f"write {share:g}/255 for {share:g} levels",
        )
    if levels < 1 - LEVEL_SLACK:
        raise UsageError(
            f"a radius of eps={share:g} is less than one of the 255 levels of a pixel",
            reason="a picture in the radius, stored with 8 bits, is the one that was given",
            hint="eps=1/255 is the smallest",
        )
    # Rounding to 8 bits leaves a ball of 1.5 levels, because 1.5 becomes 2. A Euclidean radius
    # bounds all changes together, so that it need not be whole.
    whole = math.floor(levels + LEVEL_SLACK)
    if norm != "inf":
        return Radius(share, share, levels)
    note = ""
    if abs(levels - whole) > LEVEL_SLACK:
        note = f"eps={share:g} is {levels:.4g} of 255 levels; {whole} are used, as pixels are whole"
    return Radius(share, whole / PIXEL_RANGE, float(whole), note)

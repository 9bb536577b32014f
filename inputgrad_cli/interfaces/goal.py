"""The base class of optimization goals, the problem that they solve, and their registry.

How to add a goal:

1. Write one file, `optimization/goals/my_goal.py`: a frozen dataclass that inherits from `Goal` and
   is decorated with `@goals.register`. It sets `name`, `family`, `paper` and `cost`, and defines
   `search`. Its fields are the parameters that users type; `declare_parameter` gives them help text
   and a range. `optimization/goals/__init__.py` imports every file of its folder, so nothing else
   needs to be edited. Most goals are a step rule for `optimization.iteration_loop.run_steps`;
   `optimization/goals/pgd.py` is a short example. Points are evaluated by a `SearchLog`, which
   counts the calls and keeps the best.
2. Write one test file, `tests/optimization/goals/test_my_goal.py`. The laws in
   `tests/optimization/test_laws.py` run for every registered goal without a further line.
3. Run `make docs`, which updates the table in `optimization/README.md`.

A *point* is one item as a vector of D values: all inputs that may move, one after another. Pixels
are 0..255, whatever the model's preprocessing; all other values are in units of the input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.data.feature_constraints import Features
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.registry import Registry

Rows = NDArray[np.intp]
"""Indices of items of a problem, (N,)."""
PIXEL_RANGE = 255.0  # of the values of 8-bit pixels, the unit of a radius for pictures


@dataclass(frozen=True)
class Evaluation:
    """The scores (N,) of points, and the gradients to follow from there, (N, D).

    Those are of the scores, or of what is climbed in their place; `score_calls` counts the passes
    without a gradient that the scores then took.
    """

    scores: Array
    gradients: Array
    score_calls: int = 0


@dataclass(frozen=True)
class Pieces:
    """The smooth pieces of which a score is the largest, with their gradients.

    `scores` are (N, K), -inf where an item has fewer than K pieces; `gradients` are (N, K, D). The
    score of leaving a class has one piece for every other class.
    """

    scores: Array
    gradients: Array


class Objective(Protocol):
    """The score of points of a problem; the larger it is, the nearer is what is wanted.

    `rows` names the item of each point, (N,), because each item has a class of its own.
    """

    def compute_scores(self, points: Array, rows: Rows) -> Array:
        """Return the scores of the points (N, D), float64 (N,)."""

    def compute_gradients(self, points: Array, rows: Rows) -> Evaluation:
        """Return the scores of the points (N, D) and their gradients, from one pass."""

    def compute_pieces(self, points: Array, rows: Rows, count: int) -> Pieces:
        """Return the `count` largest pieces of the scores at most, and their gradients."""

    def round_points(self, points: Array) -> Array:
        """Return the points with the values that a file stores: pixels are whole numbers."""


def _keep_going() -> bool:
    """Return False: nobody asks to stop."""
    return False


@dataclass(frozen=True)
class Problem:
    """Items to optimize together, each on its own: no result depends on the other items.

    `start` are their points, float32 (B, D), and `low` and `high` the bounds of every value; a
    value that may not move has both bounds at its start. An item is *reached* where its score is at
    least `wanted`, (B,); infinity means that there is no such score. `seeds` has one per item.
    `shapes` are the shapes of the inputs of a point in their order, channels last for pictures;
    `pictures` are the names of those whose values are pixels; `series` those of inputs (T,) whose
    values follow each other in time. `features` tells what is known of the values of a table.
    `from_noise` begins a search at noise around the start instead of the start. `data` are points
    (K, D) of real samples, None where there are none. `margins` are the scores minus those of the
    best other class, where the score is that of a class in logits; else None.

    `should_stop` is asked between steps, and `on_step` is called with the number of steps that are
    done, and their total. `on_frame` is called with a step, the points then and their rows, at most
    40 times a start and more often early than late.
    """

    objective: Objective
    start: Array
    low: Array
    high: Array
    wanted: Array
    seeds: Sequence[bytes]
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    pictures: frozenset[str] = frozenset()
    series: frozenset[str] = frozenset()
    features: Features | None = None
    from_noise: bool = False
    data: Array | None = None
    margins: Objective | None = None
    should_stop: Callable[[], bool] = _keep_going
    on_step: Callable[[int, int], None] = lambda done, total: None
    on_frame: Callable[[int, Array, Rows], None] | None = None

    def __len__(self) -> int:
        return len(self.start)

    @property
    def rows(self) -> Rows:
        """Return the indices of all items."""
        return np.arange(len(self), dtype=np.intp)

    def round_points(self, points: Array, rows: Rows) -> Array:
        """Return the points (N, D) with the values that a file stores, inside the bounds.

        A value that may not move is the start, bit for bit.
        """
        rounded = self.objective.round_points(points)
        return np.clip(rounded, self.low[rows], self.high[rows])

    @property
    def radius_unit(self) -> float:
        """Return the values of a radius of 1: 255 if every value is a pixel, else 1."""
        return PIXEL_RANGE if self.pictures and self.pictures == self.shapes.keys() else 1.0


@dataclass(frozen=True)
class SearchResult:
    """The best point of each item, and how it was reached.

    A reached point is better than one that is not. `points` are (B, D) and `scores` (B,); all else
    has one entry per item. `radius` is the smallest radius in which the item was reached, as a
    share of `Problem.radius_unit`: 0 if the start was, infinity if none was or if the goal has no
    radius. `traces` are arrays (S, 5) with the columns step, score, L2 distance, largest distance,
    restart. `notes` say what else there is to know of each item, such as what prevented a solution;
    they are empty texts if there is nothing. `stops` says what ended each search:

    - `reached`: the score is at least the wanted one.
    - `steps`, `patience`: the steps were used up, or the last of them improved nothing.
    - `zero-gradient`: no value that may move has an influence on the score.
    - `no-room`: no value may move, or all are at their bounds.
    - `not-finite`: the score or its gradient is infinite or not a number; the item is given up.
    - `rounding`: the score was reached, but by no point with the values that a file stores.
    """

    points: Array
    scores: Array
    reached: Array
    gradient_calls: Array
    score_calls: Array
    steps: Array
    restarts: Array
    stops: Sequence[str]
    traces: Sequence[Array]
    radius: Array
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Goal:
    """A goal of optimization. The fields of its dataclass are its parameters.

    - `name`, `family`, `paper`: what users type, the group in lists, the reference (`arXiv:...`),
      empty if there is none.
    - `cost`: the number of gradients of one item, as text for lists.
    - `leaves_class`: the target `auto` means any class but the label.
    - `minimal`: the result is the nearest point that is reached, not the best in a radius.
    - `random`: the result depends on random draws.
    - `climbs_cross_entropy`: a class is left along the gradient of its cross-entropy, which counts
      all other classes, and not along that of the margin, which counts the nearest.
    """

    name: ClassVar[str]
    family: ClassVar[str]
    paper: ClassVar[str]
    cost: ClassVar[str]
    leaves_class: ClassVar[bool] = False
    minimal: ClassVar[bool] = False
    random: ClassVar[bool] = False
    climbs_cross_entropy: ClassVar[bool] = False
    aliases: ClassVar[tuple[str, ...]] = ()

    def search(self, problem: Problem) -> SearchResult:
        """Return the best points of the problem that this goal finds."""
        raise TypeError(f"{type(self).__name__} does not define search()")

    def estimate_steps(self) -> int:
        """Return how many gradients of an item all starts take, if nothing ends them early."""
        return int(getattr(self, "steps", 1)) * int(getattr(self, "restarts", 1))

    def draw_noise(self, problem: Problem, result: SearchResult) -> Array | None:
        """Return random points (B, D) as far from the starts as the search may go, float32.

        A result that scores no higher has gained nothing from the gradients. None for goals whose
        results are compared with nothing random, because they go no farther than they must.
        """
        return None


@dataclass(frozen=True)
class GoalRequest:
    """A requested goal, its label in file names, and the text that the user wrote."""

    goal: Goal
    label: str
    text: str


goals: Registry[Goal] = Registry("goal", "`inputgrad optimize --goals` lists all")

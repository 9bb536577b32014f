"""Looks for the simplest object that is recognised before whatever surrounds it.

The score is the margin of the class over the best other one, up to a limit, as a mean over views:
the object is shifted, turned and resized, and stands before clouds of another colour in each. From
that the length of its outline is subtracted. Without the limit the search would go on to add
corners and arms, each of which is more evidence. Athalye et al. 2017, arXiv:1707.07397, for the
views; Mordvintsev et al. 2018, doi:10.23915/distill.00012, for the surroundings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.interfaces.goal import Evaluation, Objective, Problem, Rows, SearchResult
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.numeric.connected_pieces import measure_largest_piece
from inputgrad_cli.optimization.best_point_and_trace import SearchLog
from inputgrad_cli.optimization.iteration_loop import StepRule, run_steps
from inputgrad_cli.optimization.maximization.adam import Adam
from inputgrad_cli.optimization.maximization.multi_start_search import (
    FrameStore,
    choose_starts,
    repeat_problem,
)
from inputgrad_cli.optimization.maximization.random_backgrounds import draw_clouds
from inputgrad_cli.optimization.maximization.random_transforms import Movements
from inputgrad_cli.optimization.maximization.silhouette_parametrization import Cutouts, Layers
from inputgrad_cli.optimization.maximization.total_variation import (
    compute_variation,
    compute_variation_slopes,
)

STARTS = 8  # of which the best is kept: some end with an arm or a corner too many, or too few
VIEWS = 8  # of a step
LIMIT = 8.0  # of the margin, in logits: pictures of the sample classifier have 10 in the median
SHIFT = 0.35  # the most by which the colour of clouds differs from the start's
# The outline has its full weight after this share of the steps. At once it would keep out all arms.
RAMP = 0.8
OPAQUE = 0.5  # of the opacity, from which a pixel belongs to the object
CHECK_STEPS = 16  # from one score of the picture itself to the next


@dataclass(frozen=True)
class CutoutOptions:
    """Settings of a search; `weight` is that of the outline, in logits for one shortest side."""

    steps: int
    step: float
    weight: float
    movements: Movements


def search_cutouts(
    problem: Problem, climbed: Objective, cutouts: Cutouts, options: CutoutOptions
) -> SearchResult:
    """Return the best objects of the items; `climbed` are the margins of their classes."""
    frames = FrameStore()
    wide = repeat_problem(problem, climbed, STARTS)
    if problem.on_frame is not None:
        wide = replace(wide, on_frame=frames.add)
    log, rule = SearchLog(wide), CutoutSearch(wide, cutouts, options)
    run_steps(log, rule, steps=options.steps)
    log.settle()
    ends = rule.collect_ends(log)
    result, chosen = choose_starts(ends, rule.compute_merits(), STARTS)
    if problem.on_frame is not None:
        frames.send(chosen, problem.on_frame)
    return result


@dataclass(frozen=True)
class Views:
    """The means of what views of objects give: clipped margins (N,), and gradients."""

    margins: Array
    slopes: Layers


class CutoutSearch(StepRule):
    """Adam on the parameters of cut-out objects."""

    def __init__(self, problem: Problem, cutouts: Cutouts, options: CutoutOptions) -> None:
        self._problem, self._cutouts, self._options = problem, cutouts, options
        size = len(problem)
        self._parameters = np.zeros((size, cutouts.count))
        self._adam = Adam(size, cutouts.count, options.step)
        self._scores = np.full(size, -np.inf)  # of the picture itself, when it was scored last
        self._counts = np.zeros(size, int)  # of steps
        self._merits, self._merit_counts = np.zeros(size), np.zeros(size, int)

    def begin(self, problem: Problem, rows: Rows, restart: int) -> Array:
        """Return the first points: a pale disc with faint clouds in it."""
        for row in rows:
            self._parameters[row] = self._cutouts.draw_noise(problem.seeds[row])
        return self._paint(rows)

    def evaluate(self, log: SearchLog, step: int, points: Array, rows: Rows) -> Evaluation:
        """Return the last scores of the points, and the gradients (N, H * W + C) of the layers."""
        layers = self._cutouts.decode(self._parameters[rows])
        views = self.evaluate_views(log, step, layers, rows, range(VIEWS))
        grid, share = self._cutouts.fourier.grid, self._compute_share(step)
        weight = self._options.weight / min(grid.size)
        opacity = views.slopes.opacity
        opacity = opacity - share * weight * compute_variation_slopes(layers.opacity, grid)
        if share == 1.0:  # all of these steps have the same objective
            lengths = weight * compute_variation(layers.opacity, grid)
            self._merits[rows] += views.margins - lengths
            self._merit_counts[rows] += 1
        if step % CHECK_STEPS == 0:
            self._scores[rows] = log.compute_scores(log.round_points(points, rows), rows)
        gradients = [part.reshape(len(rows), -1) for part in (opacity, views.slopes.colour)]
        return Evaluation(self._scores[rows], np.concatenate(gradients, axis=1))

    def evaluate_views(
        self, log: SearchLog, step: int, layers: Layers, rows: Rows, views: Sequence[int]
    ) -> Views:
        """Return the means over some views of a step, from one pass.

        The movement and the clouds of a view do not depend on the other views. A view beyond the
        limit has no gradient.
        """
        count, grid = len(views), self._cutouts.grid
        copies = np.repeat(rows, count)
        seeds = [
            self._problem.seeds[row] + f"view-{view}".encode() for row in rows for view in views
        ]
        movement = self._options.movements.draw(seeds, step)
        flat = movement.apply(np.repeat(layers.opacity.reshape(len(rows), -1), count, axis=0))
        opacity = flat.astype(np.float64).reshape(len(copies), *grid.size, 1)
        moved = Layers(opacity, np.repeat(layers.colour, count, axis=0))
        behind = self._draw_surroundings(seeds, step, copies)
        points = self._clip(moved.paint(behind), copies)  # some values may not move
        evaluation = log.compute_moved_gradients(points, copies, is_step=step % CHECK_STEPS > 0)
        gradients = evaluation.gradients * (evaluation.scores < LIMIT)[:, np.newaxis]
        slopes = moved.pull_back(grid.unflatten(gradients), behind)
        pulled = movement.pull_back(slopes.opacity.reshape(len(copies), -1))
        parts = (np.minimum(evaluation.scores, LIMIT), pulled, slopes.colour)
        margins, opacity, colour = (
            part.reshape(len(rows), count, -1).mean(axis=1) for part in parts
        )
        means = Layers(opacity.reshape(layers.opacity.shape), colour.reshape(layers.colour.shape))
        return Views(margins[:, 0], means)

    def move(self, step: int, points: Array, rows: Rows, evaluation: Evaluation) -> Array:
        """Return the points after a step of the parameters."""
        parameters, count = self._parameters[rows], self._cutouts.grid.channels
        height, width = self._cutouts.grid.size
        slopes = Layers(
            evaluation.gradients[:, :-count].reshape(-1, height, width, 1),
            evaluation.gradients[:, -count:].reshape(-1, 1, 1, count),
        )
        pulled = self._cutouts.pull_back(parameters, slopes)
        self._parameters[rows] = parameters + self._adam.compute_steps(pulled, rows)
        self._counts[rows] += 1
        return self._paint(rows)

    def compute_merits(self) -> Array:
        """Return how good the objects have become, (B,): means of margins less the outlines.

        What lies apart from the largest piece counts as not recognised: one object was asked for.
        """
        opacities = self._cutouts.decode(self._parameters).opacity[..., 0]
        shares = np.array([measure_largest_piece(opacity, OPAQUE) for opacity in opacities])
        return self._merits / np.maximum(self._merit_counts, 1) - LIMIT * (1.0 - shares)

    def collect_ends(self, log: SearchLog) -> SearchResult:
        """Return the last points of searches that used all steps, else the best ones.

        On the way the score of an object is often larger, and its outline longer.
        """
        result = log.build_result()
        rows = np.flatnonzero((self._counts == self._options.steps) & ~log.reached)
        points, scores, steps = result.points.copy(), result.scores.copy(), result.steps.copy()
        if len(rows):
            points[rows] = log.round_points(self._paint(rows), rows)
        for row in rows:
            steps[row], scores[row] = result.traces[int(row)][-1, :2]
        return replace(result, points=points, scores=scores, steps=steps)

    def _draw_surroundings(self, seeds: Sequence[bytes], step: int, rows: Rows) -> Array:
        """Return clouds around the colour of the start, inside the bounds, (N, H, W, C)."""
        cutouts = self._cutouts
        clouds = np.stack([draw_clouds(cutouts.grid, seed, step, SHIFT) for seed in seeds])
        start = cutouts.grid.unflatten(self._problem.start[rows])
        shifted = start + clouds * (cutouts.high - cutouts.low)
        return np.asarray(np.clip(shifted, cutouts.low, cutouts.high))

    def _paint(self, rows: Rows) -> Array:
        """Return the points of the parameters: the objects before the start."""
        start = self._cutouts.grid.unflatten(self._problem.start[rows].astype(np.float64))
        return self._clip(self._cutouts.decode(self._parameters[rows]).paint(start), rows)

    def _clip(self, pictures: Array, rows: Rows) -> Array:
        """Return pictures as points within the bounds of their items."""
        low, high = self._problem.low[rows], self._problem.high[rows]
        return np.clip(pictures.reshape(len(rows), -1), low, high).astype(np.float32)

    def _compute_share(self, step: int) -> float:
        """Return the share of its weight that the outline has at a step."""
        return min(1.0, (step + 1) / (RAMP * self._options.steps))

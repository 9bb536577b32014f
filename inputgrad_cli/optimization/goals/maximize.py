"""Moves an input to where the score is largest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.interfaces.goal import Evaluation, Goal, Problem, Rows, SearchResult, goals
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.best_point_and_trace import (
    NO_ROOM,
    PATIENCE,
    ZERO_GRADIENT,
    SearchLog,
)
from inputgrad_cli.optimization.iteration_loop import StepRule, run_steps
from inputgrad_cli.optimization.maximization.adam import Adam
from inputgrad_cli.optimization.maximization.default_settings import OBJECT, WHOLE, WINDOW, Settings
from inputgrad_cli.optimization.maximization.features_at_bounds import describe_bounds
from inputgrad_cli.optimization.maximization.parametrization_builder import (
    FOURIER,
    MACO,
    PIXELS,
    CanvasOptions,
    build_parametrization,
    list_grids,
)
from inputgrad_cli.optimization.maximization.phase_randomization import draw_phase_noise
from inputgrad_cli.optimization.maximization.random_backgrounds import build_backdrops
from inputgrad_cli.optimization.maximization.random_transforms import Movements
from inputgrad_cli.optimization.maximization.range_parametrizations import compute_units
from inputgrad_cli.optimization.maximization.silhouette_parametrization import (
    Cutouts,
    build_cutouts,
)
from inputgrad_cli.optimization.maximization.silhouette_search import (
    STARTS,
    VIEWS,
    CutoutOptions,
    search_cutouts,
)
from inputgrad_cli.optimization.maximization.total_variation import subtract_variation
from inputgrad_cli.optimization.tabular.row_search_space import RowSpace
from inputgrad_cli.optimization.tabular.table_problem import build_table_problem, try_categories
from inputgrad_cli.registry import declare_parameter

ATTEMPTS = 5  # to find a start from which the score rises
NOISE_GROWTH = 4.0  # from attempt to attempt; the last has a picture of full contrast
# A search from noise is lost if it rises less than so many times what its first step promised; by
# then others rise by 9 to 290 times as much. A short search is judged by a share of its steps.
LEAST_RISE, LEAST_RISE_STEPS = 3.0, 80
CHECK_STEPS = 16  # from one score of the picture itself to the next, if it is moved at every step


@goals.register
@dataclass(frozen=True)
class Maximize(Goal):
    """Point with the largest score, from noise or from an input: what the target looks for.

    Adam moves parameters of the point: Fourier coefficients scaled by 1 / frequency^decay, pixels,
    or the phases of a spectrum of fixed magnitudes (maco), which are those of the data, or of the
    input from which it starts. The values of a table are moved themselves, within their bounds. At
    each step pictures and series are shifted, turned and resized at random, so that the result has
    shapes instead of fine grain; the score is that of the point itself. Where the
    gradient is zero, or leads nowhere from noise, the search begins again with more noise. A
    spotlight on a class shows the simplest object that is recognised before any surroundings.
    Simonyan et al. 2013, arXiv:1312.6034; Olah et al. 2017, doi:10.23915/distill.00007; maco: Fel
    et al. 2023, arXiv:2306.06805.
    """

    name = "maximize"
    family = "maximization"
    paper = "arXiv:1312.6034"
    cost = "steps, 64 times as many for an object; and a score for every 16"
    random = True
    aliases = ("activation-maximization", "feature-visualization", "dream", "deepdream")

    param: str = declare_parameter(
        FOURIER, "what is moved in pictures and series", choices=(FOURIER, PIXELS, MACO)
    )
    steps: int | None = declare_parameter(
        None, "number of steps (256; 180 for an object in the spotlight)", minimum=1
    )
    step: float = declare_parameter(0.05, "length of Adam's steps", minimum=0.0)
    decay: float = declare_parameter(
        1.0, "magnitudes fall as 1 / frequency^decay", minimum=0.0, maximum=4.0
    )
    jitter: float = declare_parameter(
        0.0625, "longest random shift, as a share of each side", minimum=0.0, maximum=0.5
    )
    rotate: float | None = declare_parameter(
        None,
        "largest random rotation of pictures, in degrees (10; 180 for an object)",
        minimum=0.0,
        maximum=180.0,
    )
    scale: float | None = declare_parameter(
        None,
        "largest random change of a picture's size, as a share (0.05; 0.15 for an object)",
        minimum=0.0,
        maximum=0.5,
    )
    spotlight: bool = declare_parameter(
        False,
        "show a class of pictures as one object before surroundings that change; of other targets, "
        "and from an input, move only a round window",
    )
    smooth: float | None = declare_parameter(
        None,
        "weight of the total variation of what is added, as a share of the gradient (0; 0.2 in a "
        "window); of an object, logits for an outline as long as a side (2)",
        minimum=0.0,
        maximum=10.0,
    )
    patience: int = declare_parameter(
        0,
        "stop after so many steps without a better score; 0, and an object, never stops",
        minimum=0,
    )

    def search(self, problem: Problem) -> SearchResult:
        """Return the best points; memory does not grow with `steps`."""
        cutouts = self._build_cutouts(problem)
        if cutouts is not None and problem.margins is not None:
            chosen = self.choose_settings(OBJECT)
            movements = Movements(
                [cutouts.fourier.grid], self.jitter, chosen.rotate, chosen.scale, mirrored=False
            )
            options = CutoutOptions(chosen.steps, self.step, chosen.smooth, movements)
            return search_cutouts(problem, problem.margins, cutouts, options)
        spaces: tuple[RowSpace, ...] = ()
        if problem.features is not None:
            problem = table = build_table_problem(problem)
            spaces = table.spaces
        log = SearchLog(problem)
        rows = problem.rows
        for attempt in range(ATTEMPTS):
            if not len(rows):
                break
            rule = _Ascent(self, problem, attempt)
            run_steps(log, rule, steps=rule.steps, asked=rows)
            rows = rule.find_lost(log)
        log.settle()
        try_categories(log, spaces)
        result = log.build_result()
        return replace(result, notes=describe_bounds(problem, result.points))

    def estimate_steps(self) -> int:
        """Return how many gradients an item takes from one start; all views of an object count."""
        if self.spotlight and self.param == FOURIER:
            return self.choose_settings(OBJECT).steps * STARTS * VIEWS
        return self.choose_settings(WHOLE).steps

    def choose_settings(self, defaults: Settings) -> Settings:
        """Return what the user has chosen, and the defaults of what moves for the rest."""
        values = {item.name: getattr(self, item.name) for item in fields(defaults)}
        chosen = {name: value for name, value in values.items() if value is not None}
        return replace(defaults, **chosen)

    def _build_cutouts(self, problem: Problem) -> Cutouts | None:
        """Return what the spotlight moves: an object on a picture, if a class is wanted of noise.

        None means that it moves a window.
        """
        is_object = self.spotlight and problem.from_noise and self.param == FOURIER
        return build_cutouts(problem, self.decay) if is_object else None

    def draw_noise(self, problem: Problem, result: SearchResult) -> Array | None:
        """Return noise with the spectrum of what the search has added; None for tables."""
        return draw_phase_noise(problem, result.points)


class _Ascent(StepRule):
    """Adam on the parameters of the points, with random movements of what is evaluated."""

    def __init__(self, goal: Maximize, problem: Problem, attempt: int) -> None:
        options = CanvasOptions(goal.param, goal.decay, goal.spotlight)
        size = len(problem)
        self._problem, self._attempt = problem, attempt
        chosen = goal.choose_settings(WINDOW if goal.spotlight else WHOLE)
        self.steps, self._smooth = chosen.steps, chosen.smooth
        self._step, self._patience = goal.step, goal.patience
        self._parametrization = build_parametrization(problem, options)
        self._grids = list_grids(problem)
        self._movements = Movements(self._grids, goal.jitter, chosen.rotate, chosen.scale)
        has_backdrop = goal.spotlight and problem.from_noise
        self._backdrops = build_backdrops(problem) if has_backdrop else None
        self._parameters = np.zeros((size, self._parametrization.count))
        self._adam = Adam(size, self._parametrization.count, goal.step)
        self._best, self._waits = np.full(size, -np.inf), np.zeros(size, int)
        self._first, self._promises = np.zeros(size), np.full(size, -np.inf)
        self._is_pinned = np.zeros(size, bool)  # at bounds, with gradients that lead out of them

    def begin(self, problem: Problem, rows: Rows, restart: int) -> Array:
        """Return the starts; a search from an input begins at the input itself."""
        growth = NOISE_GROWTH ** (self._attempt if problem.from_noise else self._attempt - 1)
        if problem.from_noise or self._attempt:
            for row in rows:
                noise = self._parametrization.draw_noise(problem.seeds[row], self._attempt)
                self._parameters[row] = growth * noise
        return self._parametrization.decode(self._parameters[rows], rows)

    def evaluate(self, log: SearchLog, step: int, points: Array, rows: Rows) -> Evaluation:
        """Return scores and gradients of moved points; the gradients are brought back.

        A moved point is no result: from time to time the point itself is evaluated, and so it is
        where a movement has lost the gradient. The loop verifies scores that end a search.
        """
        if self._movements.is_still and self._backdrops is None:
            evaluation = log.compute_gradients(points, rows)
            self._note_scores(evaluation.scores, rows)
            return evaluation
        is_check = step % CHECK_STEPS == 0
        low, high = self._problem.low[rows], self._problem.high[rows]
        seeds = [self._problem.seeds[row] for row in rows]
        movement = self._movements.draw(seeds, step)
        moved = movement.apply(points)
        if self._backdrops is not None:
            moved += self._backdrops.draw(seeds, step).astype(np.float32)
        clipped = np.clip(moved, low, high)  # a value that may not move stays where it is
        evaluation = log.compute_moved_gradients(clipped, rows, is_step=not is_check)
        self._note_scores(evaluation.scores, rows)
        slopes = np.where(clipped == moved, evaluation.gradients, 0)
        gradients = np.where(low < high, movement.pull_back(slopes), 0)
        is_dead = ~np.any(gradients, axis=1)
        if is_dead.any():
            own = log.compute_moved_gradients(points[is_dead], rows[is_dead], is_step=False)
            gradients[is_dead] = own.gradients
        if not is_check:
            return Evaluation(evaluation.scores, gradients)
        return Evaluation(log.compute_scores(log.round_points(points, rows), rows), gradients)

    def move(self, step: int, points: Array, rows: Rows, evaluation: Evaluation) -> Array:
        """Return the points after a step of the parameters."""
        parameters = self._parameters[rows]
        low, high = self._problem.low[rows], self._problem.high[rows]
        changes = points.astype(np.float64) - self._problem.start[rows]
        units = compute_units(low, high, 1.0)
        gradients = subtract_variation(
            changes, evaluation.gradients, units, self._grids, self._smooth
        )
        slopes = self._parametrization.pull_back(parameters, gradients, rows)
        if step == 0:
            self._first[rows] = evaluation.scores
            self._promises[rows] = self._step * np.abs(slopes).sum(axis=1)
        self._is_pinned[rows] = ~np.any(slopes, axis=1)
        self._parameters[rows] = parameters + self._adam.compute_steps(slopes, rows)
        return self._parametrization.decode(self._parameters[rows], rows)

    def find_stops(self, rows: Rows) -> Mapping[str, NDArray[np.bool_]]:
        """Return which items are out of patience, and which cannot move within their bounds."""
        is_tired = (self._waits[rows] >= self._patience) & (self._patience > 0)
        return {PATIENCE: is_tired, NO_ROOM: self._is_pinned[rows]}

    def find_lost(self, log: SearchLog) -> Rows:
        """Return the items to begin again: without a gradient, or on a plain from noise."""
        is_lost = np.isin(self._problem.rows, log.find_stopped(ZERO_GRADIENT))
        if self._problem.from_noise:
            least = min(LEAST_RISE, self.steps / LEAST_RISE_STEPS)
            is_lost |= log.scores - self._first < least * self._promises
        return np.flatnonzero(is_lost & ~log.reached)

    def _note_scores(self, scores: Array, rows: Rows) -> None:
        is_better = scores > self._best[rows]
        self._waits[rows] = np.where(is_better, 0, self._waits[rows] + 1)
        self._best[rows] = np.maximum(self._best[rows], scores)

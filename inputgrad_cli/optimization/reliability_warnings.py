"""Warnings about results: scores that do not repeat, and noise that scores as high.

Both are signs that gradients tell a search nothing: Athalye et al. 2018, arXiv:1802.00420.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.interfaces.goal import Goal, Problem, SearchResult
from inputgrad_cli.numeric.array_helpers import Array

RANDOM_NOTE, NOISE_NOTE = "random-scores", "noise-as-good"
# Of the largest score on the way. Passes of other sizes round otherwise, in half precision by less
# than this; a random layer changes a score by more.
UNEQUAL = 0.01


@dataclass(frozen=True)
class Ends:
    """Scores outside of a search, (B,): of the starts, and of the stored results (B, D)."""

    before: Array
    points: Array
    after: Array


def describe_doubts(
    goal: Goal, problem: Problem, result: SearchResult, ends: Ends, *, is_seeded: bool
) -> list[dict[str, str]]:
    """Return for each item of a problem the notes on what is doubtful, by code.

    `is_seeded` says that a layer draws at random, and was given the same draw in every pass.
    """
    notes: list[dict[str, str]] = [{} for _ in range(len(problem))]
    if is_seeded:
        for note in notes:
            note[RANDOM_NOTE] = (
                "a layer of the model draws at random; it had the same draw in every pass, so that "
                "the result holds for that draw alone"
            )
    for row in np.flatnonzero(find_unequal(result, ends)).tolist():
        notes[row][RANDOM_NOTE] = (
            "the model gave two scores to the same input, as it does with a dropout that stays "
            "on; the search follows what was drawn, and its result need not hold"
        )
    for row, text in _compare_with_noise(goal, problem, result, ends).items():
        notes[row][NOISE_NOTE] = text
    return notes


def find_unequal(result: SearchResult, ends: Ends) -> NDArray[np.bool_]:
    """Return which items have a point with two scores, (B,): the start, or the stored result."""
    is_stored = np.all(ends.points == result.points, axis=1)
    is_unequal = np.zeros(len(ends.before), bool)
    for row, trace in enumerate(result.traces):
        scores = trace[np.isfinite(trace[:, 1]), 1]
        gaps = trace[trace[:, 3] == 0, 1] - ends.before[row]
        if is_stored[row]:
            gaps = np.append(gaps, result.scores[row] - ends.after[row])
        gaps = np.abs(gaps[np.isfinite(gaps)])
        is_unequal[row] = gaps.max(initial=0.0) > UNEQUAL * np.abs(scores).max(initial=0.0)
    return is_unequal


def _compare_with_noise(
    goal: Goal, problem: Problem, result: SearchResult, ends: Ends
) -> dict[int, str]:
    """Return by item what scores as high as the result without any search, in words."""
    noise = None if problem.should_stop() else goal.draw_noise(problem, result)
    if noise is None:
        return {}
    texts: dict[int, str] = {}
    # Near a boundary noise crosses it, too, which says nothing of a search that did.
    is_open = ~result.reached
    is_moved = np.any(ends.points != problem.start, axis=1)
    for row in np.flatnonzero(is_open & is_moved & (ends.before >= ends.after)).tolist():
        texts[row] = _describe_rival("the input from which it began", ends.before[row], ends, row)
    rows = np.flatnonzero(is_open & np.any(noise != ends.points, axis=1))
    if len(rows):
        scores = problem.objective.compute_scores(noise[rows], rows)
        for row, score in zip(rows.tolist(), scores, strict=True):
            if score >= ends.after[row]:
                texts[row] = _describe_rival("random noise of the same size", score, ends, row)
    return texts


def _describe_rival(noun: str, score: float, ends: Ends, row: int) -> str:
    return (
        f"{noun} has a score of {score:.4g}, the result one of {ends.after[row]:.4g}; the "
        "gradients told the search nothing, or misled it"
    )

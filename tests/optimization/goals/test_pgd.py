"""PGD on linear scores: exact optima, lengths of steps, restarts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inputgrad_cli.optimization.goals.apgd import Apgd
from inputgrad_cli.optimization.goals.fgsm import Fgsm
from inputgrad_cli.optimization.goals.pgd import Pgd
from tests.optimization.problems import Linear, Network, Recorder, build_problem

PICTURE = {"shapes": {"x": (2, 5, 1)}, "pictures": frozenset({"x"})}


@settings(max_examples=40)
@given(st.integers(1, 30), st.integers(0, 10**6))
def test_a_linear_score_ends_in_the_corner_bit_for_bit(levels, seed):
    """O2: from any start in the ball, if the steps can cross it."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=10)
    start = rng.integers(0, 256, (2, 10)).astype(np.float32)
    problem = build_problem(Linear(weights), start, 0, 255, **PICTURE)
    result = Pgd(eps=f"{levels}/255", steps=10).search(problem)
    np.testing.assert_array_equal(result.points, np.clip(start + levels * np.sign(weights), 0, 255))


def test_a_euclidean_search_ends_at_the_optimum_of_a_linear_score(rng):
    """O3, O4: the exact projection, where clipping after it would end below."""
    weights, start = rng.normal(size=12), rng.uniform(0, 1, (1, 12)).astype(np.float32)
    for low, high in ((-np.inf, np.inf), (0, 1)):
        problem = build_problem(Linear(weights), start, low, high)
        best = Fgsm(eps="0.9", norm="2").search(problem)
        result = Pgd(eps="0.9", norm="2", step="0.45", steps=200).search(problem)
        assert result.scores[0] == pytest.approx(best.scores[0], rel=1e-4)
        assert result.scores[0] <= best.scores[0] + 1e-6


def test_steps_have_the_length_that_is_asked_for():
    """O6: between two points that no bound touches lies one step."""
    weights = np.array([1.0, -2.0, 3.0])
    for norm, order in (("inf", np.inf), ("2", 2)):
        objective = Recorder(Linear(weights), 1)
        problem = build_problem(objective, np.zeros(3))
        Pgd(eps="100", step="0.5", steps=4, norm=norm).search(problem)
        walk = np.array([points[0] for points, _ in objective.calls[1:]], float)
        assert len(walk) == 5
        np.testing.assert_allclose(
            np.linalg.norm(np.diff(walk, axis=0), ord=order, axis=1), 0.5, rtol=1e-4
        )


def test_a_step_of_pictures_is_a_share_of_the_pixel_range(rng):
    objective = Recorder(Linear(rng.normal(size=10)), 1)
    problem = build_problem(objective, np.full((1, 10), 128.0), 0, 255, **PICTURE)
    Pgd(eps="100/255", step="3/255", steps=3).search(problem)
    walk = np.array([points[0] for points, _ in objective.calls[1:-1]])
    moved = np.abs(np.diff(walk, axis=0))
    assert moved.max() == pytest.approx(3, abs=1e-4)


def test_the_search_of_an_item_ends_when_it_is_reached():
    weights = np.array([1.0, 1.0])
    objective = Recorder(Linear(weights), 3)
    start = np.zeros((3, 2), np.float32)
    problem = build_problem(objective, start, wanted=[0.0, 1.9, 99.0])
    result = Pgd(eps="1", steps=20, restarts=3).search(problem)
    assert result.stops == ("reached", "reached", "steps")
    np.testing.assert_array_equal(result.radius, [0, 1, np.inf])
    assert objective.gradient_calls[0] == 0
    assert objective.gradient_calls[1] < 20
    assert objective.gradient_calls[2] == 60
    np.testing.assert_array_equal(result.gradient_calls, objective.gradient_calls)
    np.testing.assert_array_equal(result.score_calls, objective.score_calls)


def test_restarts_differ_and_are_repeatable():
    """O18."""
    starts = {}
    for attempt in ("first", "again"):
        objective = Recorder(Network(6, [0, 1]), 2)
        problem = build_problem(objective, np.zeros((2, 6)), wanted=np.inf)
        Pgd(eps="0.1", steps=3, restarts=2).search(problem)
        starts[attempt] = [objective.calls[1][0], objective.calls[5][0]]
        assert not np.array_equal(*starts[attempt])
        assert not np.array_equal(starts[attempt][0][0], starts[attempt][0][1])
    np.testing.assert_array_equal(starts["first"], starts["again"])


@pytest.mark.parametrize("goal", [Pgd, Apgd])
def test_equal_seeds_give_equal_bits(goal):
    start = np.zeros((2, 6), np.float32)
    problem = build_problem(Network(6, [1, 1]), start, seeds=[b"a", b"a"])
    result = goal(eps="0.5", steps=8, restarts=2).search(problem)
    np.testing.assert_array_equal(result.points[0], result.points[1])


def test_the_restart_that_won_is_recorded():
    """A score with two hills: the better one is on the side where only one start lies."""

    class Hills(Linear):
        def compute_gradients(self, points, rows):
            evaluation = super().compute_gradients(points, rows)
            x = np.asarray(points, float)
            scores = np.where(x > 0, 2 * x, -x)[:, 0]
            return type(evaluation)(scores, np.where(x > 0, 2.0, -1.0))

        def compute_scores(self, points, rows):
            return self.compute_gradients(points, rows).scores

    start = np.zeros((20, 1), np.float32)
    problem = build_problem(Hills([1.0]), start, wanted=1.99)
    once = Pgd(eps="1", steps=10).search(problem)
    often = Pgd(eps="1", steps=10, restarts=12).search(problem)
    assert 0 < once.reached.sum() < 20
    assert often.reached.all()
    np.testing.assert_array_equal(often.restarts[once.reached], 0)
    assert np.all(often.restarts[~once.reached] > 0)

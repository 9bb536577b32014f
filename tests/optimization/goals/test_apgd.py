"""APGD on linear scores, its checkpoints, and its strength against PGD."""

import numpy as np
import pytest

from inputgrad_cli.optimization.goals.apgd import Apgd, list_checkpoints
from inputgrad_cli.optimization.goals.pgd import Pgd
from tests.optimization.problems import Linear, Network, Recorder, build_problem

PICTURE = {"shapes": {"x": (2, 5, 1)}, "pictures": frozenset({"x"})}


def test_checkpoints_are_those_of_the_paper():
    """p0 = 0, p1 = .22, p(j+1) = pj + max(pj - p(j-1) - .03, .06), of all steps, rounded up."""
    assert list_checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert list_checkpoints(10) == [3, 5, 6, 7, 8, 9]
    assert list_checkpoints(1) == []


def test_the_first_step_reaches_the_optimum_of_a_linear_score(rng):
    """O7: the step is 2 eps long, so it crosses the ball; nothing later is better."""
    weights = rng.normal(size=10)
    start = rng.integers(0, 256, (2, 10)).astype(np.float32)
    objective = Recorder(Linear(weights), 2)
    problem = build_problem(objective, start, 0, 255, **PICTURE)
    result = Apgd(eps="8/255", steps=20).search(problem)
    corner = np.clip(start + 8 * np.sign(weights), 0, 255)
    np.testing.assert_array_equal(objective.calls[2][0], corner)  # after the start, a random point
    np.testing.assert_array_equal(result.points, corner)
    np.testing.assert_array_equal(result.gradient_calls, 20)
    np.testing.assert_array_equal(result.steps, 2)


def test_the_euclidean_search_ends_at_the_optimum(rng):
    weights, start = rng.normal(size=8), np.zeros((1, 8), np.float32)
    result = Apgd(eps="2", norm="2", steps=60).search(build_problem(Linear(weights), start))
    assert result.scores[0] == pytest.approx(2 * np.linalg.norm(weights), rel=1e-5)


def test_steps_are_halved_where_they_jump_over_the_optimum():
    """The score -|x - 0.1|: steps of fixed length jump to and fro, halved ones arrive."""

    class Peak(Linear):
        def compute_gradients(self, points, rows):
            evaluation = super().compute_gradients(points, rows)
            x = np.asarray(points, float)
            return type(evaluation)(-np.abs(x - 0.1)[:, 0], -np.sign(x - 0.1))

        def compute_scores(self, points, rows):
            return self.compute_gradients(points, rows).scores

    problem = build_problem(Peak([1.0]), np.ones((1, 1)))
    adaptive = Apgd(eps="1", steps=100).search(problem)
    fixed = Pgd(eps="1", step="2", steps=100).search(problem)
    assert adaptive.scores[0] > -0.02
    assert adaptive.scores[0] > fixed.scores[0]


def test_an_item_does_not_depend_on_what_its_neighbours_halve():
    objective = Network(6, [0, 1, 2, 3])
    start = np.random.default_rng(1).normal(size=(4, 6))
    together = Apgd(eps="1", steps=30).search(build_problem(objective, start))
    for row in range(4):
        alone = build_problem(Network(6, [row]), start[row], seeds=[b"%d" % row])
        result = Apgd(eps="1", steps=30).search(alone)
        np.testing.assert_allclose(result.points[0], together.points[row], atol=1e-5)


@pytest.mark.parametrize("eps", ["0.2", "0.5", "1"])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_stronger_than_pgd_with_as_many_gradients(eps, seed):
    """In the mean over 40 items: an item alone may have a luckier start."""
    start = np.random.default_rng(seed).normal(size=(40, 10))
    objective = Network(10, np.arange(40) % 4, hidden=12, seed=seed)
    problem = build_problem(objective, start)
    adaptive, fixed = (goal(eps=eps, steps=40).search(problem) for goal in (Apgd, Pgd))
    assert adaptive.scores.mean() > fixed.scores.mean()
    np.testing.assert_array_equal(adaptive.gradient_calls, fixed.gradient_calls)

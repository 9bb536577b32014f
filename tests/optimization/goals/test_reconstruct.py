"""Sparse repair: closed forms on a linear autoencoder, and where the change lies."""

from dataclasses import replace

import numpy as np
import pytest

from inputgrad_cli.interfaces.goal import Evaluation, goals
from inputgrad_cli.optimization.best_point_and_trace import SearchLog
from inputgrad_cli.optimization.fista import Fista
from inputgrad_cli.optimization.goals.reconstruct import Reconstruct
from tests.optimization.problems import Broken, Quadratic, Recorder, build_problem

SIZE, CODES = 40, 4


class LinearAutoencoder:
    """Minus the mean squared difference of x and its projection Px, by which x is rebuilt."""

    def __init__(self, seed=0):
        draws = np.random.default_rng(seed).normal(size=(SIZE, CODES))
        self.basis = np.linalg.qr(draws)[0]

    def project(self, points):
        return points @ self.basis @ self.basis.T

    def compute_gradients(self, points, rows):
        errors = points - self.project(points)
        return Evaluation(-np.square(errors).mean(axis=1), -2 * errors / SIZE)

    def compute_scores(self, points, rows):
        return self.compute_gradients(points, rows).scores

    def round_points(self, points):
        return np.asarray(points, np.float32)


def draw_faults(items=6):
    """Return windows that the autoencoder explains, but for noise and two shifted values each."""
    model, rng = LinearAutoencoder(), np.random.default_rng(1)
    windows = 3 * rng.normal(size=(items, CODES)) @ model.basis.T
    windows += 0.01 * rng.normal(size=windows.shape)
    is_fault = np.zeros(windows.shape, bool)
    for item in range(items):
        is_fault[item, 3 * item : 3 * item + 2] = True
    return model, (windows + 1.5 * is_fault).astype(np.float32), is_fault


def test_it_is_registered_with_its_parameters():
    goal = goals.build("reconstruct:steps=50,rate=0.1,bisections=3")
    assert goal == Reconstruct(steps=50, rate=0.1, bisections=3)


def test_without_a_weight_a_linear_autoencoder_repairs_to_the_projection():
    model, faulty, _ = draw_faults()
    problem = build_problem(model, faulty)
    points = Fista(SearchLog(problem), 0.02, 300).run(problem.rows, np.zeros(len(problem)))
    assert np.allclose(points, model.project(faulty), atol=1e-3)


def test_the_change_lies_in_the_fault_and_the_loss_is_low_enough():
    model, faulty, is_fault = draw_faults()
    recorder = Recorder(model, len(faulty))
    problem = build_problem(recorder, faulty, wanted=-2e-4)
    result = Reconstruct().search(problem)
    assert result.reached.all()
    assert set(result.stops) == {"reached"}
    assert np.array_equal(result.gradient_calls, recorder.gradient_calls)
    scores = model.compute_scores(result.points, problem.rows)
    assert np.all(scores >= -2e-4)
    assert result.scores == pytest.approx(scores)
    changes = np.abs(result.points - faulty)
    assert np.all((changes * is_fault).sum(axis=1) >= 0.95 * changes.sum(axis=1))
    assert np.all(np.count_nonzero(changes, axis=1) <= 4)  # all others are the same bits
    # To replace by the reconstruction smears the change over all values.
    smeared = np.abs(model.project(faulty) - faulty)
    assert np.all((smeared * is_fault).sum(axis=1) < 0.9 * smeared.sum(axis=1))


def test_the_weight_is_the_largest_that_is_enough():
    # The loss of the change d is (d - 1)^2 / 2, which is enough from d = 1 - sqrt(0.5).
    problem = build_problem(Quadratic([[1]], [1]), [[0]], wanted=-0.25)
    result = Reconstruct(rate=0.5).search(problem)
    assert result.points[0, 0] == pytest.approx(1 - np.sqrt(0.5), rel=0.05)
    assert result.points[0, 0] >= 1 - np.sqrt(0.5)


def test_more_bisections_never_change_more():
    model, faulty, _ = draw_faults()
    problem = build_problem(model, faulty, wanted=-2e-4)
    sums = [
        np.abs(Reconstruct(bisections=count).search(problem).points - faulty).sum(axis=1)
        for count in (0, 2, 8)
    ]
    assert np.all(sums[2] <= sums[1])
    assert np.all(sums[1] <= sums[0])


def test_items_in_another_order_have_the_same_results():
    model, faulty, _ = draw_faults()
    order = np.random.default_rng(3).permutation(len(faulty))
    problem = build_problem(model, faulty, wanted=np.linspace(-4e-4, -2e-4, len(faulty)))
    permuted = build_problem(model, faulty[order], wanted=problem.wanted[order])
    expected, result = (Reconstruct(bisections=3).search(p) for p in (problem, permuted))
    assert np.allclose(result.points, expected.points[order], atol=1e-5)
    assert np.array_equal(result.restarts, expected.restarts[order])


def test_what_cannot_be_repaired_or_is_normal_already_stays():
    model, faulty, _ = draw_faults(2)
    low, high = faulty.copy(), faulty.copy()
    high[0] += 1e-6  # the first window has no room
    problem = build_problem(model, faulty, low, high, wanted=[-1e-5, -1])
    result = Reconstruct(steps=20).search(problem)
    assert result.reached.tolist() == [False, True]
    assert result.score_calls[1] == 0
    assert np.array_equal(result.points[1], faulty[1])
    assert np.abs(result.points[0] - faulty[0]).max() <= 2e-6


def test_frozen_values_are_the_same_bits():
    model, faulty, _ = draw_faults()
    low, high = np.full_like(faulty, -9), np.full_like(faulty, 9)
    low[:, ::3] = high[:, ::3] = faulty[:, ::3]
    problem = build_problem(model, faulty, low, high, wanted=-1e-2)
    result = Reconstruct(bisections=2).search(problem)
    assert np.array_equal(result.points[:, ::3], faulty[:, ::3])
    assert not np.array_equal(result.points, faulty)


def test_an_item_without_a_finite_gradient_fails_alone():
    model, faulty, _ = draw_faults(3)
    problem = build_problem(Broken(model, 1), faulty, wanted=-2e-4)
    result = Reconstruct(bisections=2).search(problem)
    assert result.reached.tolist() == [True, False, True]
    assert result.stops[1] == "not-finite"
    assert np.array_equal(result.points[1], faulty[1])


def test_a_search_stops_when_it_is_asked_to_and_tells_its_steps():
    model, faulty, _ = draw_faults(2)
    steps = []
    problem = build_problem(
        model, faulty, wanted=-2e-4, on_step=lambda done, total: steps.append((done, total))
    )
    Reconstruct(steps=30, bisections=2).search(problem)
    assert steps == sorted(steps)
    assert all(done <= total == 90 for done, total in steps)
    result = Reconstruct().search(replace(problem, should_stop=lambda: True))
    assert result.gradient_calls.tolist() == [1, 1]

"""FISTA: the closed form of its optimum, whatever the rate; what stays at the start; divergence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inputgrad_cli.optimization.best_point_and_trace import SearchLog
from inputgrad_cli.optimization.fista import Fista
from tests.optimization.problems import Broken, Quadratic, Recorder, build_problem


def run(objective, start, weight, *, rate=0.1, steps=300, **bounds):
    problem = build_problem(objective, start, **bounds)
    fista = Fista(SearchLog(problem), rate, steps)
    return fista.run(problem.rows, np.full(len(problem), weight)), problem


@settings(max_examples=20)
@given(st.floats(0.01, 0.9), st.floats(0.05, 1.5))
def test_the_optimum_of_a_parabola_is_1_minus_the_weight_for_any_rate(weight, rate):
    points, _ = run(Quadratic([[1]], [1]), [[0]], weight, rate=rate)
    assert points[0, 0] == pytest.approx(1 - weight, abs=1e-3)


@settings(max_examples=40)
@given(st.integers(0, 1000), st.floats(0, 2))
def test_each_value_of_a_separable_loss_is_drawn_by_its_own_threshold(seed, weight):
    rng = np.random.default_rng(seed)
    optimum, start = rng.normal(size=6), rng.normal(size=(1, 6)).astype(np.float32)
    points, problem = run(Quadratic(np.eye(6), optimum), start, weight, rate=0.05)
    # The loss is multiplied by the number of values, and so the threshold is divided by it.
    change = optimum - start[0]
    expected = np.sign(change) * np.maximum(np.abs(change) - weight / 6, 0)
    assert np.allclose(points[0] - start[0], expected, atol=2e-3)
    stays = np.abs(change) < weight / 6 * 0.999
    assert np.array_equal(points[0, stays], problem.start[0, stays])


def test_values_stay_in_their_bounds():
    points, _ = run(Quadratic(np.eye(2), [3, -3]), [[0, 0]], 0.0, low=-1, high=[2, 0])
    assert np.allclose(points, [[2, -1]])


def test_a_rate_that_is_too_large_for_the_loss_is_lowered():
    points, _ = run(Quadratic([[100]], [1]), [[0]], 0.0, rate=0.5)
    assert points[0, 0] == pytest.approx(1, abs=1e-3)


def test_items_leave_when_they_have_settled_or_have_no_finite_score():
    recorder = Recorder(Broken(Quadratic([[1]], [1]), 1), 3)
    points, _ = run(recorder, [[1], [0], [0]], 0.0, steps=100)
    assert recorder.gradient_calls[0] <= 2
    assert recorder.gradient_calls[1] == 1
    assert recorder.gradient_calls[2] < 100
    assert points[:, 0] == pytest.approx([1, 0, 1], abs=1e-3)

"""Counterfactuals: closed forms on linear scores, and what holds on any score and any features."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inputgrad_cli.data.feature_constraints import Feature, Features
from inputgrad_cli.interfaces.goal import goals
from inputgrad_cli.optimization.goals.counterfactual import Counterfactual
from tests.optimization.problems import Broken, Linear, Network, Quadratic, Recorder, build_problem

SEEDS = st.integers(0, 10_000)
# Every kind of feature: 0 real, 1 frozen, 2 may only rise, 3 whole, 4 to 6 one-hot, 7 a flag.
MIXED = Features(
    (
        Feature("real", -2, 2),
        Feature("fixed", -2, 2, frozen=True),
        Feature("rising", -2, 2, direction="up", cost=0.5),
        Feature("whole", 0, 6, "integer"),
        Feature("red", group="colour"),
        Feature("green", group="colour", cost=2),
        Feature("blue", group="colour"),
        Feature("flag", kind="category"),
    )
)


def draw_mixed(seed, items=5):
    """Return rows of mixed features whose label, of a random network, shall become another one."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(-1, 1, (items, 8)).astype(np.float32)
    start[:, 3] = rng.integers(0, 7, items)
    start[:, 4:7] = np.eye(3)[rng.integers(0, 3, items)]
    start[:, 7] = rng.integers(0, 2, items)
    network = Network(8, np.zeros(items, int), seed=seed)
    hidden = np.tanh(start @ network.inner.T)
    network.labels = (hidden @ network.outer.T).argmax(axis=1)
    recorder = Recorder(network, items)
    return build_problem(recorder, start, wanted=1e-9, features=MIXED), recorder


def check_allowed(points, start):
    """Check that points are rows that the mixed features allow."""
    for point, first in zip(points, start, strict=True):
        assert point[1] == first[1]
        assert point[2] >= first[2]
        assert np.all((point[[0, 2]] >= -2) & (point[[0, 2]] <= 2))
        assert point[3] in range(7)
        assert sorted(point[4:7]) == [0, 0, 1]
        assert point[7] in (0, 1)


def test_it_is_registered_with_its_parameters():
    goal = goals.build("counterfactual:norm=2,steps=9,max_changes=3,kappa=0.1")
    assert goal == Counterfactual(norm="2", steps=9, max_changes=3, kappa=0.1)


@given(SEEDS, st.sampled_from("12"))
def test_on_a_linear_score_the_cost_is_the_closed_form(seed, norm):
    rng = np.random.default_rng(seed)
    slopes, costs = rng.normal(size=5), rng.uniform(0.3, 3, 5)
    frozen = int(rng.integers(5))
    features = Features(tuple(Feature(str(i), cost=costs[i], frozen=i == frozen) for i in range(5)))
    start = rng.normal(size=(3, 5))
    wanted = (start @ slopes).max() + rng.exponential(size=3) + 0.01
    problem = build_problem(Linear(slopes), start, wanted=wanted, features=features)
    result = Counterfactual(norm=norm).search(problem)
    assert result.reached.all()
    assert np.array_equal(result.points[:, frozen], problem.start[:, frozen])
    assert np.all(result.gradient_calls <= 3)
    ratios = np.delete(np.abs(slopes) / costs, frozen)
    need = wanted - problem.start.astype(float) @ slopes
    expected = need / (ratios.max() if norm == "1" else np.linalg.norm(ratios))
    weights = np.abs(result.points - problem.start.astype(float)) * costs
    spent = weights.sum(axis=1) if norm == "1" else np.linalg.norm(weights, axis=1)
    assert spent == pytest.approx(expected, rel=1e-4, abs=1e-4)


@given(SEEDS, st.floats(0.5, 1.5), st.sampled_from("12"))
def test_a_linear_score_is_reached_unless_all_rooms_together_are_too_small(seed, share, norm):
    rng = np.random.default_rng(seed)
    slopes, start = rng.normal(size=4), rng.uniform(-1, 1, (1, 4)).astype(np.float32)
    capacity = np.abs(slopes) @ np.where(slopes > 0, 1 - start[0], start[0] + 1)
    share = share if abs(share - 1) > 1e-3 else 0.9
    wanted = start[0].astype(float) @ slopes + share * capacity
    problem = build_problem(Linear(slopes), start, -1, 1, wanted)
    result = Counterfactual(norm=norm).search(problem)
    assert result.reached[0] == (share < 1)
    assert (result.notes[0] == "") == (share < 1)
    if share > 1:  # the closest point is the corner, where all features are stuck
        assert np.allclose(result.points[0], np.sign(slopes))
        assert result.notes[0].count("bound ") == 4
        assert f"of {wanted:.4g}" in result.notes[0]


def test_on_a_quadratic_score_the_l2_change_is_the_nearest_point_of_the_ball():
    optima = np.array([[3.0, 4.0]])
    problem = build_problem(Quadratic(np.eye(2), optima[0]), [[0, 0]], wanted=-0.5)
    result = Counterfactual(norm="2").search(problem)
    assert result.reached[0]
    assert result.points[0] == pytest.approx(optima[0] * 4 / 5, rel=1e-3)  # 1 from the optimum


def test_where_l1_steps_fail_other_searches_reach_the_score_and_are_counted():
    problem = build_problem(Quadratic(np.eye(3), np.ones(3)), [[0, 0, 0]], wanted=-0.3)
    result = Counterfactual(steps=5).search(problem)
    assert result.reached[0]
    assert result.restarts[0] > 0
    assert result.stops == ("reached",)


@settings(max_examples=25)
@given(SEEDS, st.sampled_from("12"))
def test_every_point_that_is_asked_for_is_a_row_that_the_features_allow(seed, norm):
    problem, recorder = draw_mixed(seed)
    result = Counterfactual(norm=norm, steps=8).search(problem)
    for points, rows in recorder.calls:
        check_allowed(points, problem.start[rows])
    check_allowed(result.points, problem.start)
    assert np.array_equal(result.gradient_calls, recorder.gradient_calls)
    assert np.array_equal(result.score_calls, recorder.score_calls)


@settings(max_examples=25)
@given(SEEDS, st.sampled_from("12"))
def test_what_is_returned_was_scored_and_is_the_cheapest_that_was(seed, norm):
    problem, recorder = draw_mixed(seed)
    result = Counterfactual(norm=norm, steps=8).search(problem)
    scores = recorder.objective.compute_scores(result.points, problem.rows)
    assert np.allclose(scores, result.scores)
    assert np.array_equal(result.reached, result.scores >= problem.wanted)
    assert [bool(note) for note in result.notes] == list(~result.reached)
    costs = np.array([feature.unit_cost for feature in MIXED.columns])
    for points, rows in recorder.calls:
        is_enough = recorder.objective.compute_scores(points, rows) >= problem.wanted[rows]
        weights = np.abs(points - problem.start[rows].astype(float)) * costs
        best = np.abs(result.points[rows] - problem.start[rows].astype(float)) * costs
        order = None if norm == "1" else 2
        spent, least = (np.linalg.norm(w, order or 1, axis=1) for w in (weights, best))
        assert np.all(least[is_enough] <= spent[is_enough] + 1e-6)
        assert result.reached[rows][is_enough].all()


@settings(max_examples=15)
@given(SEEDS)
def test_items_in_another_order_have_the_same_results(seed):
    problem, _ = draw_mixed(seed)
    order = np.random.default_rng(seed).permutation(len(problem))
    network = problem.objective.objective
    permuted = Network(8, network.labels[order], seed=seed)
    other = build_problem(permuted, problem.start[order], wanted=1e-9, features=MIXED)
    expected, result = (Counterfactual(steps=8).search(p) for p in (problem, other))
    assert np.allclose(result.points, expected.points[order], atol=1e-5)
    assert np.array_equal(result.reached, expected.reached[order])


@settings(max_examples=15)
@given(SEEDS, st.integers(1, 3))
def test_at_most_so_many_features_change(seed, limit):
    problem, recorder = draw_mixed(seed)
    Counterfactual(steps=8, max_changes=limit).search(problem)
    for points, rows in recorder.calls:
        changed = points != problem.start[rows]
        counts = changed[:, [0, 1, 2, 3, 7]].sum(axis=1) + changed[:, 4:7].any(axis=1)
        assert np.all(counts <= limit)


def test_changes_that_are_not_needed_are_taken_back():
    class Kink(Linear):
        """A score whose slope is far too small at the start, so that the step is too long."""

        def compute_gradients(self, points, rows):
            evaluation = super().compute_gradients(points, rows)
            return replace(evaluation, gradients=evaluation.gradients / 8)

    features = Features((Feature("a", 0, 4), Feature("b", 0, 9), Feature("c", 0, 9)))
    problem = build_problem(Kink([2, 1, 1]), [[0, 0, 0]], wanted=7.0, features=features)
    result = Counterfactual().search(problem)
    # The first point has all features at their bounds; one of the two cheapest, with 7, is enough.
    assert np.count_nonzero(result.points[0]) == 1
    assert result.points[0, 1:].sum() == pytest.approx(7, rel=0.01)


def test_an_item_that_is_there_already_is_not_moved():
    problem = build_problem(Linear([1, 1]), [[2, 2], [0, 0]], wanted=3.0)
    result = Counterfactual().search(problem)
    assert np.array_equal(result.points[0], [2, 2])
    assert (result.stops[0], result.gradient_calls[0], result.score_calls[0]) == ("reached", 1, 0)
    assert result.reached.all()


def test_kappa_exceeds_the_wanted_score():
    problem = build_problem(Linear([1, 2]), [[0, 0]], wanted=1.0)
    result = Counterfactual(kappa=0.5).search(problem)
    assert result.scores[0] == pytest.approx(1.5, rel=1e-5)


def test_notes_name_what_is_frozen_or_may_only_move_the_other_way():
    features = Features(
        (
            Feature("age", frozen=True),
            Feature("income", 0, 1),
            Feature("debt", direction="up"),
            Feature("years", direction="down"),
        )
    )
    problem = build_problem(Linear([3, 2, -1, 0.5]), [[0, 0, 0, 0]], wanted=9, features=features)
    result = Counterfactual().search(problem)
    assert result.notes[0] == (
        "the closest score is 2 of 9; these could help, but are at a bound: age (frozen), "
        "income (high bound 1), debt (it may only rise), years (it may only fall)"
    )


def test_notes_name_what_is_frozen_by_the_bounds_of_the_problem():
    problem = build_problem(Linear([3, 2]), [[0, 0]], [[0, 0]], [[0, 1]], wanted=9)
    result = Counterfactual().search(problem)
    assert result.notes[0].endswith("at a bound: 1 (frozen), 2 (high bound 1)")


def test_a_frozen_value_needs_no_finite_gradient():
    broken = Broken(Linear([3, 2]), 0)  # in its last value
    problem = build_problem(broken, [[0, 0]], [[-9, 0]], [[9, 0]], wanted=6)
    assert Counterfactual().search(problem).points[0] == pytest.approx([2, 0], rel=1e-4)


def test_a_row_that_may_not_move_at_all_has_no_room():
    problem = build_problem(Linear([3, 2]), [[0, 0]], 0, 0, wanted=6)
    assert Counterfactual().search(problem).stops == ("no-room",)


def test_notes_name_the_category_that_would_help():
    group = [Feature("red", group="g"), Feature("green", group="g"), Feature("blue", group="g")]
    features = Features(tuple(replace(feature, frozen=True) for feature in group))
    problem = build_problem(Linear([-1, 2, -3]), [[1, 0, 0]], wanted=1, features=features)
    assert Counterfactual().search(problem).notes[0].endswith("at a bound: green (frozen)")


def test_an_item_without_a_finite_gradient_fails_alone():
    start = np.zeros((3, 2))
    problem = build_problem(Broken(Linear([1, 2]), 1), start, wanted=1.0)
    result = Counterfactual().search(problem)
    assert result.reached.tolist() == [True, False, True]
    assert result.stops[1] == "not-finite"


def test_a_score_that_does_not_depend_on_the_row_is_a_zero_gradient():
    result = Counterfactual().search(build_problem(Linear([0, 0]), [[1, 1]], wanted=1.0))
    assert result.stops == ("zero-gradient",)


def test_without_a_wanted_score_nothing_is_searched():
    result = Counterfactual().search(build_problem(Linear([1, 2]), [[1, 1]]))
    assert np.array_equal(result.points, [[1, 1]])
    assert result.gradient_calls.tolist() == [1]


def test_a_search_stops_when_it_is_asked_to_and_tells_its_steps():
    steps = []
    problem = build_problem(
        Quadratic(np.eye(3), np.ones(3)), [[0, 0, 0]], wanted=-0.1,
        on_step=lambda done, total: steps.append((done, total)),
    )  # fmt: skip
    Counterfactual().search(problem)
    assert steps == sorted(steps)
    assert all(done <= total for done, total in steps)
    stopped = replace(problem, should_stop=lambda: True)
    result = Counterfactual().search(stopped)
    assert result.gradient_calls.tolist() == [1]
    assert not result.reached[0]

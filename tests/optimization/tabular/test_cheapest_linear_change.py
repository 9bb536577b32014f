"""The inner solution of a counterfactual: against linear programs, KKT conditions, enumeration."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inputgrad_cli.data.feature_constraints import Feature, Features
from inputgrad_cli.optimization.tabular.cheapest_linear_change import (
    LinearNeed,
    find_cheapest_change,
)
from inputgrad_cli.optimization.tabular.row_search_space import build_row_space
from tests.optimization.problems import Linear, build_problem

SEEDS = st.integers(0, 10_000)


def space_of(columns, start):
    problem = build_problem(Linear(np.ones(len(start))), [start], features=Features(tuple(columns)))
    return build_row_space(problem, 0)


def draw_numbers(seed, size=6):
    """Features with ranges, costs and frozen columns, and the slopes of a score."""
    rng = np.random.default_rng(seed)
    start = rng.normal(size=size).astype(np.float32)
    columns = [
        Feature(
            f"f{i}",
            low=float(start[i] - rng.exponential()),
            high=float(start[i] + rng.exponential()),
            cost=float(rng.uniform(0.2, 3)),
            direction=rng.choice(["both", "both", "up", "down"]),
            frozen=bool(rng.random() < 0.2),
        )
        for i in range(size)
    ]
    return space_of(columns, start), rng.normal(size=size)


def solve_linear_program(space, slopes, need):
    """Return the least weighted L1 norm by scipy, infinity if there is no solution."""
    optimize = pytest.importorskip("scipy.optimize")
    up, down = space.high - space.start, space.start - space.low
    solution = optimize.linprog(
        np.concatenate([space.costs, space.costs]),
        A_ub=-np.concatenate([slopes, -slopes])[None],
        b_ub=[-need],
        bounds=[(0, room) for room in np.concatenate([up, down])],
    )
    return solution.fun if solution.status == 0 else np.inf


def test_without_bounds_one_feature_takes_all():
    slopes, costs = np.array([1.0, -3.0, 2.0]), np.array([1.0, 2.0, 4.0])
    space = space_of([Feature(str(c), cost=c) for c in costs], np.zeros(3))
    change = find_cheapest_change(LinearNeed(space, slopes, 6.0))
    assert change.delta == pytest.approx([0, -2, 0])
    assert change.cost == pytest.approx(6 / np.max(np.abs(slopes) / costs))


def test_without_bounds_the_l2_change_has_the_closed_form():
    slopes, costs = np.array([1.0, -3.0, 2.0]), np.array([1.0, 2.0, 4.0])
    space = space_of([Feature(str(c), cost=c) for c in costs], np.zeros(3))
    change = find_cheapest_change(LinearNeed(space, slopes, 6.0, "2"))
    assert change.delta == pytest.approx(6 * (slopes / costs**2) / np.sum((slopes / costs) ** 2))
    assert change.cost == pytest.approx(6 / np.linalg.norm(slopes / costs))


@given(SEEDS, st.floats(0.01, 6))
def test_the_l1_change_is_that_of_the_linear_program(seed, need):
    space, slopes = draw_numbers(seed)
    change = find_cheapest_change(LinearNeed(space, slopes, need))
    best = solve_linear_program(space, slopes, need)
    if np.isinf(best):
        assert change.shortfall > 0
    else:
        assert change.cost == pytest.approx(best, rel=1e-7, abs=1e-9)
        assert slopes @ change.delta == pytest.approx(need)


@given(SEEDS, st.floats(0.01, 6))
def test_the_l2_change_meets_the_conditions_of_its_optimum(seed, need):
    space, slopes = draw_numbers(seed)
    change = find_cheapest_change(LinearNeed(space, slopes, need, "2"))
    rooms = space.compute_rooms(slopes)
    if change.shortfall:
        assert np.abs(slopes) @ rooms == pytest.approx(need - change.shortfall)
        return
    assert slopes @ change.delta == pytest.approx(need)
    unbounded = slopes / space.costs**2  # times a multiplier, unless a bound is nearer
    sizes = np.abs(change.delta)
    is_free = (sizes > 0) & (sizes < rooms * (1 - 1e-9))
    multipliers = sizes[is_free] / np.abs(unbounded[is_free])
    assert np.allclose(multipliers, multipliers[:1].mean() if is_free.any() else 0)
    if is_free.any():
        assert np.all(multipliers[0] * np.abs(unbounded) >= sizes * (1 - 1e-6))


@given(SEEDS, st.floats(0.01, 8), st.sampled_from("12"))
def test_no_change_is_enough_only_where_all_rooms_together_are_not(seed, need, norm):
    space, slopes = draw_numbers(seed)
    capacity = np.abs(slopes) @ space.compute_rooms(slopes)
    change = find_cheapest_change(LinearNeed(space, slopes, need, norm))
    assert (change.shortfall > 0) == (capacity < need * (1 - 1e-9))
    assert change.shortfall == pytest.approx(max(0.0, need - capacity), abs=1e-8)


@given(SEEDS, st.floats(0.01, 6), st.sampled_from("12"), st.integers(1, 3))
def test_at_most_so_many_features_change(seed, need, norm, limit):
    space, slopes = draw_numbers(seed)
    change = find_cheapest_change(LinearNeed(space, slopes, need, norm, limit))
    assert np.count_nonzero(change.delta) <= limit
    capacities = np.sort(np.abs(slopes) * space.compute_rooms(slopes))[::-1]
    assert (change.shortfall > 0) == (capacities[:limit].sum() < need * (1 - 1e-9))


@given(SEEDS, st.floats(0.05, 3))
def test_with_a_whole_number_and_a_real_one_the_change_is_that_of_enumeration(seed, need):
    rng = np.random.default_rng(seed)
    slopes, costs = rng.uniform(0.3, 2, 2), rng.uniform(0.2, 2, 2)
    columns = [
        Feature("whole", -9, 3, "integer", cost=costs[0]),
        Feature("real", -9, float(rng.uniform(0.1, 2)), cost=costs[1]),
    ]
    space = space_of(columns, [0, 0])
    change = find_cheapest_change(LinearNeed(space, slopes, need))
    totals = []
    for whole in range(4):
        rest = max(0.0, (need - whole * slopes[0]) / slopes[1])
        if rest <= space.high[1]:
            totals.append(whole * costs[0] + rest * costs[1])
    assert (change.shortfall > 0) == (not totals)
    if totals:
        assert change.cost == pytest.approx(min(totals), rel=1e-6)
        assert change.delta[0] == np.rint(change.delta[0])


def test_a_value_outside_of_its_range_enters_it_or_stays():
    space = space_of([Feature("a", 3, 9, cost=1), Feature("b", cost=0.5)], [0, 0])
    cheap = find_cheapest_change(LinearNeed(space, np.array([2.0, 0.5]), 1.0))
    assert cheap.delta == pytest.approx([0, 2])  # 0.5 of a would do, but 3 is the least
    far = find_cheapest_change(LinearNeed(space, np.array([2.0, 0.5]), 8.0))
    assert far.delta == pytest.approx([4, 0])
    l2 = find_cheapest_change(LinearNeed(space, np.array([2.0, 0.5]), 6.5, "2"))
    assert l2.delta == pytest.approx([3, 1])  # without the range 2.6 of both


@given(SEEDS, st.floats(0.05, 4))
def test_with_one_group_the_change_is_the_best_over_its_moves(seed, need):
    space, slopes = draw_numbers(seed, size=4)
    rng = np.random.default_rng(seed + 1)
    group = [Feature(f"g{i}", group="g", cost=float(rng.uniform(0.2, 3))) for i in range(3)]
    numbers = [Feature(f"f{i}", space.low[i], space.high[i], cost=space.costs[i]) for i in range(4)]
    row = space_of([*numbers, *group], [*space.start, 0, 1, 0])
    slopes = np.concatenate([slopes, rng.normal(size=3)])
    change = find_cheapest_change(LinearNeed(row, slopes, need))
    totals = [solve_linear_program(row, slopes, need)]
    for option in (4, 6):
        gain = slopes[option] - slopes[5]
        rest = solve_linear_program(row, slopes, need - gain) if gain < need else 0.0
        totals.append(rest + row.costs[option] + row.costs[5])
    if np.isinf(min(totals)):
        assert change.shortfall > 0
    else:
        assert change.cost == pytest.approx(min(totals), rel=1e-7)


@given(SEEDS, st.floats(0.05, 6), st.sampled_from("12"))
def test_of_several_groups_enough_move_where_any_moves_are_enough(seed, need, norm):
    rng = np.random.default_rng(seed)
    groups = [Feature(f"{name}{i}", group=name) for name in "abc" for i in range(3)]
    row = space_of([*groups, Feature("real", -1, 1)], [1, 0, 0] * 3 + [0])
    slopes = rng.normal(size=10)
    best = max(
        sum(slopes[3 * g + option] - slopes[3 * g] for g, option in enumerate(options))
        for options in itertools.product(range(3), repeat=3)
    ) + abs(slopes[9])
    change = find_cheapest_change(LinearNeed(row, slopes, need, norm))
    assert (change.shortfall > 0) == (best < need * (1 - 1e-9))
    sums = (row.start + change.delta)[:9].reshape(3, 3)
    assert np.all(np.sort(sums) == [0, 0, 1])

"""The points that a row may become: ranges in float32, grids, directions, one-hot groups."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inputgrad_cli.data.feature_constraints import Feature, Features
from inputgrad_cli.optimization.tabular.row_search_space import build_row_space
from tests.optimization.problems import Linear, build_problem

VALUES = st.floats(-50, 50, width=32)


def space_of(columns, start, **bounds):
    features = Features(tuple(columns))
    problem = build_problem(Linear(np.ones(len(start))), [start], features=features, **bounds)
    return build_row_space(problem, 0)


@given(VALUES, st.floats(-60, 60), st.floats(0, 30))
def test_bounds_are_the_outermost_float32_numbers_within_the_range(start, low, width):
    space = space_of([Feature("a", low, low + width)], [start])
    for bound in (space.low[0], space.high[0]):
        assert np.float32(bound) == bound
        assert bound == start or low <= bound <= low + width
    assert space.low[0] <= start <= space.high[0]
    if space.high[0] > start:
        above = np.nextafter(np.float32(space.high[0]), np.float32(np.inf))
        assert float(above) > low + width


@given(VALUES, VALUES, st.sampled_from([1.0, 2.0, 0.25]))
def test_rounded_values_are_on_the_grid_or_the_start(start, value, step):
    space = space_of([Feature("a", -40, 40, step=step)], [start])
    point = space.clip(np.array([value]))
    for values in (space.round_near(point), space.round_away(point), space.round_back(point)):
        assert values[0] == start or (values[0] % step == 0 and -40 <= values[0] <= 40)
    distances = [
        abs(values[0] - start)
        for values in (space.round_back(point), point, space.round_away(point))
    ]
    assert distances[0] <= distances[1] + 1e-5 * step
    # Beyond the last value of the grid there is none to go to.
    assert distances[1] <= distances[2] + 1e-5 * step or abs(point[0]) > 40 - step
    assert np.array_equal(space.round_near(space.round_near(point)), space.round_near(point))


def test_steps_are_counted_from_the_low_bound():
    space = space_of([Feature("age", 18, 60, "integer", step=5)], [33])
    assert space.round_near(np.array([39.0])) == 38
    assert space.round_away(np.array([39.0])) == 43
    assert space.high[0] == 58


def test_integers_are_whole_whatever_bounds_and_steps_say():
    space = space_of([Feature("a", 0.5, 9.7, "integer", step=0.3)], [4])
    assert (space.low[0], space.high[0], space.grid[0]) == (1, 9, 1)


def test_directions_and_frozen_columns_bound_at_the_start():
    columns = [Feature("a", direction="up"), Feature("b", direction="down"), Feature("c")]
    space = space_of([*columns, Feature("d", frozen=True)], [1, 2, 3, 4], low=-9, high=9)
    assert space.low.tolist() == [1, -9, -9, 4]
    assert space.high.tolist() == [9, 2, 9, 4]


def test_a_value_whose_range_holds_no_float32_number_stays():
    space = space_of([Feature("a", 0.1, 0.1), Feature("b", 0.2, 0.7, "integer")], [3, 0])
    assert space.low.tolist() == space.high.tolist() == [3, 0]


def test_a_value_outside_of_its_range_may_stay_or_enter_it():
    space = space_of([Feature("a", 0, 1), Feature("b", 10, 20, "integer", step=5)], [5, 2])
    assert (space.low.tolist(), space.high.tolist()) == ([0, 2], [5, 20])
    assert space.round_near(np.array([2.0, 5.0])).tolist() == [1, 2]
    assert space.round_near(np.array([4.0, 7.0])).tolist() == [5, 10]
    assert space.round_away(np.array([4.9, 2.1])).tolist() == [1, 10]
    assert space.round_back(np.array([1.1, 9.9])).tolist() == [5, 2]
    assert space.round_back(np.array([0.3, 14.0])).tolist() == [pytest.approx(0.3), 10]


def test_groups_move_from_the_column_that_is_1_to_those_that_may_become_1():
    columns = [
        Feature("a", group="g"),
        Feature("b", group="g", frozen=True),
        Feature("c", group="g"),
        Feature("d", group="g", direction="down"),
    ]
    (group,) = space_of(columns, [1, 0, 0, 0]).groups
    assert (group.active, group.options) == (0, (2,))
    assert space_of(columns, [0, 1, 0, 0]).groups == ()  # frozen where it is 1
    for start in ([0, 0, 0, 0], [1, 0, 1, 0], [0.5, 0, 0.5, 0]):
        assert space_of(columns, start).groups == ()


def test_a_category_without_a_group_is_0_or_1():
    space = space_of([Feature("flag", kind="category")], [0])
    assert (space.low[0], space.high[0], space.grid[0]) == (0, 1, 1)


def test_costs_are_weighted_norms_of_the_change():
    space = space_of([Feature("a", cost=2), Feature("b", 0, 10)], [1, 1])
    points = np.array([[2.0, 1.0], [1.0, 6.0], [3.0, 4.0]])
    assert np.allclose(space.compute_costs(points, "1"), [2, 0.5, 4.3])
    assert np.allclose(space.compute_costs(points, "2"), [2, 0.5, np.hypot(4, 0.3)])

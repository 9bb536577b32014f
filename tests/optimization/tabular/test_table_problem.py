"""Tables that are maximized: whole numbers, directions, and one category of each group."""

import numpy as np

from inputgrad_cli.data.feature_constraints import Feature, Features
from inputgrad_cli.optimization.goals.maximize import Maximize
from tests.optimization.problems import Linear, Quadratic, Recorder, build_problem

COLUMNS = Features(
    (
        Feature("age", 18, 90, "integer"),
        Feature("income", 0, 5, direction="up"),
        Feature("red", kind="category", group="colour"),
        Feature("green", kind="category", group="colour"),
        Feature("blue", kind="category", group="colour"),
        Feature("height", 1, 2, frozen=True),
    )
)
START = np.array([[40, 2, 1, 0, 0, 1.5], [25, 4, 0, 0, 1, 1.75]], np.float32)


def search(objective, **more):
    problem = build_problem(objective, START, features=COLUMNS, **more)
    return Maximize(steps=200).search(problem)


def test_a_linear_score_is_largest_in_the_corner_of_what_features_may_be():
    result = search(Linear([-1.0, -2.0, 0.5, 3.0, 1.0, 7.0]))
    np.testing.assert_array_equal(result.points, [[18, 2, 0, 1, 0, 1.5], [18, 4, 0, 1, 0, 1.75]])
    np.testing.assert_allclose(
        result.scores,
        Linear([-1.0, -2, 0.5, 3, 1, 7]).compute_scores(result.points, None),
        rtol=1e-6,
    )


def test_whole_numbers_end_whole_and_the_score_is_that_of_the_rounded_row():
    optimum = np.array([50.3, 3.25, 1, 0, 0, 1.5])
    objective = Quadratic(np.eye(6), optimum)
    result = search(objective)
    np.testing.assert_array_equal(result.points[:, 0], 50)
    np.testing.assert_allclose(result.points[0, 1], 3.25, atol=1e-3)
    assert result.points[1, 1] == 4
    np.testing.assert_array_equal(result.points[:, 2:5], [[1, 0, 0], [1, 0, 0]])
    np.testing.assert_allclose(result.scores, objective.compute_scores(result.points, None))


def test_no_row_is_ever_in_two_categories():
    objective = Recorder(Linear([1.0, 1.0, 2.0, 2.0, -2.0, 0.0]), 2)
    search(objective)
    for points, _ in objective.calls:
        np.testing.assert_array_equal(points[:, 2:5].sum(axis=1), 1)
        assert np.isin(points[:, 2:5], [0, 1]).all()


def test_a_wanted_score_is_reached_by_a_row_that_may_be_stored():
    weights = [1.0, 1.0, 0, 0, 0, 0]
    result = search(Linear(weights), wanted=50.5)
    assert result.reached.all()
    np.testing.assert_array_equal(result.points[:, 0], np.rint(result.points[:, 0]))
    assert np.all(result.scores >= 50.5)

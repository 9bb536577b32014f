"""Counterfactuals of held-out rows of a small classifier, with costs and ranges from its data."""

import numpy as np
import pytest

from inputgrad_cli.data.feature_constraints import FeatureRange
from inputgrad_cli.interfaces.goal import Evaluation
from inputgrad_cli.optimization.goals.counterfactual import Counterfactual
from inputgrad_cli.optimization.tabular.feature_constraint_builder import (
    freeze_features,
    measure_features,
    narrow_features,
)
from tests.optimization.problems import build_problem

NAMES = ["age", "income", "debt", "children", "rent", "own", "family", "noise"]
HELD_OUT = 200


def draw_rows(count, seed):
    """Return applications for a loan: real and whole numbers, a one-hot group, and noise."""
    rng = np.random.default_rng(seed)
    home = np.eye(3)[rng.choice(3, count, p=[0.5, 0.3, 0.2])]
    rows = np.column_stack(
        [
            rng.integers(18, 80, count),
            rng.lognormal(1, 0.5, count),
            rng.exponential(1, count),
            rng.poisson(1.2, count),
            home,
            rng.normal(size=count),
        ]
    )
    return rows.astype(np.float32)


def decide(rows):
    """Return who gets the loan, without noise."""
    age, income, debt, children, _, own, _, _ = rows.T
    bump = np.exp(-(((age - 45) / 20) ** 2))
    return income - debt - 0.4 * children + own + 1.5 * bump - 0.3 * income * (debt > 2) > 2


class RandomFeatures:
    """The logit of a classifier whose random hidden layer is fixed, for the other class of rows."""

    def __init__(self, rows, labels, hidden=80):
        rng = np.random.default_rng(0)
        self.center, self.scale = rows.mean(axis=0), rows.std(axis=0)
        self.inner = rng.normal(size=(rows.shape[1], hidden)) / 2
        self.shift = rng.uniform(-2, 2, hidden)
        values = self.activate(rows)
        ridge = values.T @ values + 1e-2 * np.eye(hidden)
        self.outer = np.linalg.solve(ridge, values.T @ (2.0 * labels - 1))
        self.signs = np.ones(1)

    def activate(self, rows):
        return np.tanh((rows - self.center) / self.scale @ self.inner + self.shift)

    def compute_logits(self, rows):
        return self.activate(rows) @ self.outer

    def compute_gradients(self, points, rows):
        values = self.activate(points)
        gradients = ((1 - values**2) * self.outer) @ self.inner.T / self.scale
        signs = self.signs[rows]
        return Evaluation(signs * (values @ self.outer), signs[:, None] * gradients)

    def compute_scores(self, points, rows):
        return self.compute_gradients(points, rows).scores

    def round_points(self, points):
        return np.asarray(points, np.float32)


@pytest.fixture(scope="module")
def problem():
    known, rows = draw_rows(3000, 1), draw_rows(HELD_OUT, 2)
    model = RandomFeatures(known, decide(known))
    assert np.mean((model.compute_logits(rows) > 0) == decide(rows)) > 0.85
    model.signs = np.where(model.compute_logits(rows) > 0, -1.0, 1.0)
    groups = [FeatureRange(name, "ranges", {"group": "home"}) for name in NAMES[4:7]]
    ranges = [FeatureRange("age", "ranges", {"direction": "up"}), *groups]
    features = narrow_features(measure_features(NAMES, known), ranges)
    features = freeze_features(features, ["children"])
    return build_problem(model, rows, wanted=1e-6, features=features)


@pytest.mark.parametrize("norm", ["1", "2"])
def test_nearly_all_rows_have_one_for_few_gradients(problem, norm):
    result = Counterfactual(norm=norm).search(problem)
    assert result.reached.mean() >= 0.95
    assert np.median(result.gradient_calls) <= 60
    points, start = result.points, problem.start
    assert np.array_equal(points[:, 3], start[:, 3])
    assert np.all(points[:, 0] >= start[:, 0])
    assert np.array_equal(points[:, 0], np.rint(points[:, 0]))
    assert np.array_equal(np.sort(points[:, 4:7], axis=1), np.sort(start[:, 4:7], axis=1))
    for column, feature in enumerate(problem.features.columns):
        is_changed = points[:, column] != start[:, column]
        assert np.all(points[is_changed, column] >= feature.low - 1e-6)
        assert np.all(points[is_changed, column] <= feature.high + 1e-6)


def test_few_features_change_by_the_first_norm_and_more_by_the_second(problem):
    counts = []
    for norm in "12":
        result = Counterfactual(norm=norm).search(problem)
        changed = result.points[result.reached] != problem.start[result.reached]
        counts.append(np.median(changed.sum(axis=1)))
    assert counts[0] <= 2 < counts[1]


def test_a_change_is_no_costlier_than_a_blind_search_finds(problem):
    """Against the best of many random single changes, which need no gradient."""
    result = Counterfactual().search(problem)
    costs = np.array([feature.unit_cost for feature in problem.features.columns])
    spent = (np.abs(result.points - problem.start.astype(float)) * costs).sum(axis=1)
    rng, features = np.random.default_rng(3), problem.features.columns
    best = np.full(len(problem), np.inf)
    for column in (1, 2, 7):  # the free numbers
        for _ in range(200):
            points = problem.start.copy()
            points[:, column] = rng.uniform(features[column].low, features[column].high)
            cost = np.abs(points[:, column] - problem.start[:, column]) * costs[column]
            is_enough = problem.objective.compute_scores(points, problem.rows) >= problem.wanted
            best = np.where(is_enough, np.minimum(best, cost), best)
    both = result.reached & np.isfinite(best)
    assert both.sum() > 20
    assert np.median(spent[both] / best[both]) < 1.05

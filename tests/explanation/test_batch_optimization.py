"""Searches for several goals and targets: what they share, and that it changes no result."""

import numpy as np
import pytest

from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.explanation.batch_optimization import SearchRequest, search_batch
from inputgrad_cli.optimization.request import OptimizeRequest, parse_goals
from tests.optimization.linear_engine import LinearEngine, rows_of

X = np.random.default_rng(5).normal(size=(6, 3)).astype(np.float32)
GOALS = ("fgsm:eps=0.5", "pgd:eps=0.5,steps=3", "deepfool")


class Spy(LinearEngine):
    """Counts the passes over the clean inputs, by the kind of the request."""

    def __init__(self):
        rng = np.random.default_rng(3)
        super().__init__(rng.normal(size=(4, 3)), rng.normal(size=4))
        self.clean_passes = {"first": 0, "scores": 0}

    def run_first_pass(self, inputs, choices, sites, truths=(), gradients=True):
        if not gradients:  # with them, it is the Jacobian of a step
            self._count("first", inputs)
        return super().run_first_pass(inputs, choices, sites, truths, gradients)

    def compute_scores(self, inputs, target):
        self._count("scores", inputs)
        return super().compute_scores(inputs, target)

    def _count(self, kind, inputs):
        self.clean_passes[kind] += np.array_equal(inputs["x"], X)


def search(engine, goals, targets):
    requests = parse_goals(goals)
    parsed = tuple(map(parse_target, targets))
    common = OptimizeRequest(requests[0].goal)
    return search_batch(engine, rows_of(X), SearchRequest(requests, parsed, common))


def test_one_pass_over_the_inputs_serves_all_goals_and_classes():
    engine = Spy()
    search(engine, GOALS, ("auto", "class:1", "class:2"))
    assert engine.clean_passes["first"] == 1
    # The margin of each target is evaluated once, whatever the goals; where all rows have a way to
    # go, which is so for `auto`, two of the goals evaluate the starts as a part of their searches.
    assert engine.clean_passes["scores"] == 3 + 2


@pytest.mark.parametrize("target", ["auto", "class:1"])
@pytest.mark.parametrize("goal", GOALS)
def test_a_result_is_that_of_its_goal_and_target_alone(goal, target):
    together = search(Spy(), GOALS, ("auto", "class:1"))
    (alone,) = search(Spy(), (goal,), (target,))
    (same,) = (
        result for result in together if (result.request.text, result.target) == (goal, target)
    )
    assert same.records == alone.records
    assert same.values.keys() == alone.values.keys()
    for name, array in alone.values.items():
        np.testing.assert_array_equal(same.values[name], array)

"""Doubts about results: scores that do not repeat, and noise that scores as high."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.interfaces.engine import Gradients
from inputgrad_cli.optimization.batch_optimization import optimize_batch
from inputgrad_cli.optimization.goals import goals
from inputgrad_cli.optimization.request import OptimizeRequest
from tests.optimization.law_cases import ALL, COUNT, LABELS, PICTURE, SIZE, build, draw_start
from tests.optimization.linear_engine import LinearEngine, rows_of
from tests.optimization.problems import Network, build_problem
from tests.optimization.small_goals import Attack, Climb

WIDTH = 24
X = np.random.default_rng(5).normal(size=(12, WIDTH)).astype(np.float32)
WEIGHTS = np.random.default_rng(6).normal(size=(3, WIDTH))


def list_notes(engine, goal, target="auto", x=X):
    results = optimize_batch(engine, rows_of(x), OptimizeRequest(goal, parse_target(target)))
    searched = [result for result in results if result.search != "already"]
    return [set(result.notes) & {"random-scores", "noise-as-good"} for result in searched]


class Drawing(LinearEngine):
    """A model with a layer that stays random: every call adds a draw to the scores."""

    size = 2.0

    def _all_scores(self, x, target):
        self.draws = getattr(self, "draws", np.random.default_rng(0))
        return super()._all_scores(x, target) + np.float32(self.size * self.draws.normal())


class Hidden(LinearEngine):
    """A model whose gradients lead the wrong way."""

    def compute_gradients(self, inputs, target, sites):
        gradients = super().compute_gradients(inputs, target, sites)
        return Gradients({"x": -gradients.values["x"]}, gradients.scores)


# --- scores that do not repeat ---


@pytest.mark.parametrize("text", ["fgsm:eps=0.01", "pgd:eps=0.01", "deepfool"])
def test_a_model_with_a_random_layer_is_doubted(text):
    doubted = list_notes(Drawing(WEIGHTS), goals.build(text))
    assert sum("random-scores" in notes for notes in doubted) > len(doubted) / 2 > 2
    steady = list_notes(LinearEngine(WEIGHTS), goals.build(text))
    assert not any("random-scores" in notes for notes in steady)


def test_rounding_of_half_precision_is_no_draw():
    engine = Drawing(WEIGHTS)
    engine.size = 1e-4
    assert not any("random-scores" in n for n in list_notes(engine, goals.build("pgd:eps=0.5")))


def test_a_climb_from_noise_is_doubted_by_its_stored_result():
    """Its start is never evaluated on the way, so that only the result has two scores."""
    engine = Drawing([[1.0, -1.0]], activation=None)
    assert list_notes(engine, Climb(steps=5), x=X[:1, :2]) == [{"random-scores"}]


def test_a_random_layer_that_the_engine_has_seeded_is_told():
    class Seeded(LinearEngine):
        notes: ClassVar[dict] = {"random": "a layer stays random at inference"}

    assert set.union(*list_notes(Seeded(WEIGHTS), goals.build("fgsm:eps=1"))) == {"random-scores"}


# --- noise that scores as high ---


@pytest.mark.parametrize(
    "text", ["fgsm:eps=0.2", "pgd:eps=0.2", "apgd:eps=0.2", "pgd:eps=1,norm=2"]
)
def test_gradients_that_mislead_are_doubted_and_right_ones_are_not(text):
    """Half of all noise raises a linear score, which the gradients lower at each step."""
    misled = list_notes(Hidden(WEIGHTS), goals.build(text))
    assert sum("noise-as-good" in notes for notes in misled) >= 1
    assert not set.union(*list_notes(LinearEngine(WEIGHTS), goals.build(text)))


def test_an_input_that_was_reached_is_not_doubted_where_noise_reaches_it_too():
    engine = LinearEngine(WEIGHTS, offsets=[0.0, 0.0, 0.0])
    assert not set.union(*list_notes(engine, goals.build("pgd:eps=3"), x=1e-3 * X))


@dataclass(frozen=True)
class Rising(Climb):
    """A climb whose noise is the start moved by one."""

    name = "rising"

    def draw_noise(self, problem, result):
        return problem.start + np.float32(1)


def test_a_result_is_doubted_where_the_noise_of_its_goal_scores_as_high():
    far, near = Rising(steps=40, step=1.0), Rising(steps=1, step=1e-3)
    engine = LinearEngine([[1.0, 1.0]], activation=None)
    assert list_notes(engine, far, x=X[:2, :2]) == [set(), set()]
    assert list_notes(engine, near, x=X[:2, :2]) == [{"noise-as-good"}] * 2


def test_goals_without_noise_are_not_compared():
    assert goals.build("deepfool").draw_noise(None, None) is None
    assert not any("noise-as-good" in n for n in list_notes(Hidden(WEIGHTS), Attack(steps=3)))


# --- the noise of the goals ---


@pytest.mark.parametrize("cls", ALL, ids=[cls.name for cls in ALL])
def test_noise_is_inside_the_bounds_and_leaves_frozen_values(cls):
    goal, start = build(cls), draw_start()
    low, high = np.full(start.shape, 10, np.float32), np.full(start.shape, 240, np.float32)
    low[:, ::3] = high[:, ::3] = start[:, ::3]
    objective = Network(SIZE, LABELS, whole=True)
    problem = build_problem(objective, start, low, high, wanted=np.inf, **PICTURE)
    result = goal.search(problem)
    noise = goal.draw_noise(problem, result)
    if noise is None:
        assert cls.minimal
        return
    assert np.all((noise >= low) & (noise <= high))
    np.testing.assert_array_equal(noise[:, ::3], start[:, ::3])
    np.testing.assert_array_equal(noise, np.rint(noise))
    np.testing.assert_array_equal(noise, goal.draw_noise(problem, result))
    assert len({row.tobytes() for row in noise}) == COUNT


@pytest.mark.parametrize("norm", ["inf", "2"])
def test_noise_of_an_attack_is_at_the_edge_of_its_own_radius(norm):
    """The first item is reached in the smaller radius, the others in none."""
    start = np.full((COUNT, SIZE), 128, np.float32)
    problem = build_problem(Network(SIZE, LABELS), start, 0, 255, wanted=np.inf, **PICTURE)
    goal = build(goals.get("pgd"), norm=norm)
    result = goal.search(problem)
    result.radius[:] = [12 / 255, *[np.inf] * (COUNT - 1)]
    offsets = goal.draw_noise(problem, result) - start
    order = np.inf if norm == "inf" else 2
    sizes = np.linalg.norm(offsets, ord=order, axis=1)
    np.testing.assert_allclose(sizes, [12, 40, 40, 40], rtol=1e-5)
    if norm == "inf":
        np.testing.assert_array_equal(np.abs(offsets), np.repeat(sizes[:, None], SIZE, 1))


def test_noise_of_a_climb_has_the_spectrum_and_the_colours_of_its_change():
    rng = np.random.default_rng(2)
    for shape, kind in (((9, 8, 3), "pictures"), ((30,), "series")):
        size = int(np.prod(shape))
        problem = build_problem(
            Network(size, LABELS), np.full((COUNT, size), 500.0), 0, 1000,
            shapes={"x": shape}, **{kind: frozenset({"x"})},
        )  # fmt: skip
        goal = goals.build("maximize:steps=1")
        result = goal.search(problem)
        result.points[:] = 500 + rng.normal(size=result.points.shape)
        change, noise = (
            (points - problem.start).reshape(COUNT, *shape)
            for points in (result.points, goal.draw_noise(problem, result))
        )
        axes = (1, 2) if len(shape) == 3 else (1,)
        ours, expected = (np.abs(np.fft.fftn(c, axes=axes)) for c in (noise, change))
        np.testing.assert_allclose(ours, expected, atol=2e-3)
        assert np.abs(np.corrcoef(noise.ravel(), change.ravel())[0, 1]) < 0.5
        if len(shape) == 3:
            ours, expected = (np.einsum("bhwc,bhwd->bcd", c, c) for c in (noise, change))
            np.testing.assert_allclose(ours, expected, atol=1e-2 * np.abs(expected).max())

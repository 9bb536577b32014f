"""Laws that every registered goal obeys; a new goal is tested here without a line more."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inputgrad_cli.errors import UsageError
from inputgrad_cli.optimization.goals import goals
from inputgrad_cli.optimization.radius import RadiusGoal
from tests.optimization.problems import Broken, Network, Recorder, build_problem

SIZE, COUNT = 12, 4
PICTURE = {"shapes": {"x": (2, 2, 3)}, "pictures": frozenset({"x"})}
LABELS = np.arange(COUNT)
FAST = {"steps": 12, "restarts": 2}  # where a goal has such parameters


def build(cls, **values):
    """Return the goal with few steps, and a radius where it has none by default."""
    names = {field.name for field in dataclasses.fields(cls)}
    known = {**FAST, "eps": "12/255;40/255", **values}
    return cls(**{name: value for name, value in known.items() if name in names})


def draw_start(seed=0, count=COUNT):
    return np.random.default_rng(seed).integers(20, 236, (count, SIZE)).astype(np.float32)


def build_pictures(start, objective=None, *, rise=0.8, **more):
    """Return the problem of raising the margins of pictures with whole values by `rise`."""
    labels = np.arange(len(start)) % COUNT
    objective = objective or Network(SIZE, labels, whole=True)
    scores = objective.compute_scores(start, np.arange(len(start)))
    wanted = np.where(np.isnan(scores), 0, scores) + rise
    return build_problem(objective, start, 0, 255, **{"wanted": wanted, **PICTURE, **more})


ALL = list(goals)
RADIAL = [cls for cls in ALL if issubclass(cls, RadiusGoal)]
NORMS = ["inf", "2"]


@pytest.fixture(params=ALL, ids=[cls.name for cls in ALL])
def goal(request):
    return build(request.param)


def test_there_are_goals():
    assert {"fgsm", "pgd", "apgd", "deepfool"} <= set(goals.list_names())


@pytest.mark.parametrize("cls", ALL, ids=[cls.name for cls in ALL])
def test_a_goal_says_what_it_is(cls):
    assert cls.paper.partition(":")[0] in ("arXiv", "doi")
    assert cls.cost
    for field in dataclasses.fields(cls):
        assert field.metadata["help"], field.name


def test_every_point_is_inside_the_bounds(goal):
    start = draw_start()
    objective = Recorder(Network(SIZE, LABELS, whole=True), COUNT)
    problem = build_problem(objective, start, 10, 240, wanted=np.inf, **PICTURE)
    result = goal.search(problem)
    for points, _ in objective.calls:
        assert points.dtype == np.float32
        assert np.all((points >= 10) & (points <= 240))
    assert np.all((result.points >= 10) & (result.points <= 240))


def test_values_that_may_not_move_are_equal_bit_for_bit(goal):
    start = draw_start() + np.float32(0.3)  # which no rounding may touch
    low, high = np.zeros(start.shape, np.float32), np.full(start.shape, 255, np.float32)
    low[:, ::3] = high[:, ::3] = start[:, ::3]
    objective = Recorder(Network(SIZE, LABELS), COUNT)
    result = goal.search(build_problem(objective, start, low, high, wanted=3.0, **PICTURE))
    for points, rows in objective.calls:
        np.testing.assert_array_equal(points[:, ::3], start[rows][:, ::3])
    np.testing.assert_array_equal(result.points[:, ::3], start[:, ::3])


def test_the_order_of_items_does_not_matter(goal):
    start, order = draw_start(), np.array([2, 0, 3, 1])
    straight = goal.search(build_pictures(start))
    objective = Network(SIZE, LABELS[order], whole=True)
    seeds = [b"%d" % row for row in order]
    mixed = goal.search(build_pictures(start[order], objective, seeds=seeds))
    np.testing.assert_allclose(mixed.points, straight.points[order], atol=1e-3)
    np.testing.assert_allclose(mixed.scores, straight.scores[order], atol=1e-5)
    np.testing.assert_array_equal(mixed.reached, straight.reached[order])
    np.testing.assert_array_equal(mixed.gradient_calls, straight.gradient_calls[order])
    assert list(mixed.stops) == [straight.stops[row] for row in order]


def test_a_search_is_repeatable(goal):
    first, again = (goal.search(build_pictures(draw_start())) for _ in range(2))
    for field in dataclasses.fields(first):
        for one_item, other in zip(
            getattr(first, field.name), getattr(again, field.name), strict=True
        ):
            np.testing.assert_array_equal(one_item, other)


def test_another_seed_gives_other_draws_only_where_a_goal_draws(goal):
    start = draw_start()
    points = []
    for prefix in (b"a", b"b"):
        objective = Recorder(Network(SIZE, LABELS, whole=True), COUNT)
        seeds = [prefix + b"%d" % row for row in range(COUNT)]
        goal.search(build_pictures(start, objective, seeds=seeds, wanted=np.inf))
        points.append(np.concatenate([call for call, _ in objective.calls]))
    same = points[0].shape == points[1].shape and np.array_equal(*points)
    assert same != type(goal).random


def test_a_result_is_what_it_says(goal):
    objective = Recorder(Network(SIZE, LABELS, whole=True), COUNT)
    problem = build_pictures(draw_start(), objective.objective)
    problem = dataclasses.replace(problem, objective=objective)
    result = goal.search(problem)
    scores = objective.objective.compute_scores(result.points, problem.rows)
    np.testing.assert_allclose(result.scores, scores, rtol=1e-6)
    stored = problem.round_points(result.points, problem.rows)
    np.testing.assert_array_equal(stored[result.reached], result.points[result.reached])
    np.testing.assert_array_equal(result.reached, result.scores >= problem.wanted)
    np.testing.assert_array_equal(result.gradient_calls, objective.gradient_calls)
    np.testing.assert_array_equal(result.score_calls, objective.score_calls)
    for stop, reached in zip(result.stops, result.reached, strict=True):
        assert (stop == "reached") == reached
    assert [len(trace) > 0 for trace in result.traces] == [True] * COUNT


def test_a_result_is_not_worse_than_the_start(goal):
    if not type(goal).leaves_class:
        pytest.skip("the start of this search need not be the input")
    start = draw_start()
    problem = build_pictures(start, wanted=np.inf)
    before = problem.objective.compute_scores(start, problem.rows)
    assert np.all(goal.search(problem).scores >= before)


def test_an_item_that_is_reached_at_the_start_stays_there(goal):
    """No gradient moves it, and its radius is 0: a label that is wrong, a target that is right."""
    if not type(goal).leaves_class:
        pytest.skip("the start of this search need not be the input")
    start = draw_start()
    result = goal.search(build_pictures(start, rise=0.0))
    np.testing.assert_array_equal(result.points, start)
    assert result.reached.all()
    assert set(result.stops) == {"reached"}
    assert np.all(result.gradient_calls <= COUNT)  # at most the pieces of one point
    if isinstance(goal, RadiusGoal):
        np.testing.assert_array_equal(result.radius, 0)


@pytest.mark.parametrize("scores", [False, True])
def test_an_item_with_nan_fails_with_a_reason(goal, scores):
    start = draw_start()
    network = Network(SIZE, LABELS, whole=True)
    result = goal.search(build_pictures(start, Broken(network, 1, scores=scores), rise=0.3))
    assert result.stops[1] == "not-finite"
    assert not result.reached[1]
    healthy = goal.search(build_pictures(start, network, rise=0.3))
    for row in (0, 2, 3):
        np.testing.assert_array_equal(result.points[row], healthy.points[row])
        assert result.stops[row] == healthy.stops[row]


def test_a_search_stops_when_it_should(goal):
    done = []
    problem = build_pictures(
        draw_start(),
        wanted=np.inf,
        should_stop=lambda: len(done) >= 3,
        on_step=lambda step, total: done.append((step, total)),
    )
    goal.search(problem)
    assert len(done) <= 4  # one step may be on its way
    assert all(1 <= step <= total for step, total in done)


# Goals with a radius


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("cls", RADIAL, ids=[cls.name for cls in RADIAL])
@settings(max_examples=12)
@given(levels=st.integers(1, 120), seed=st.integers(0, 10**6))
def test_no_step_leaves_the_ball_or_the_box(cls, norm, levels, seed):
    """Exact on whole numbers: neither a point on the way, nor the result with whole values."""
    start = np.random.default_rng(seed).integers(0, 256, (COUNT, SIZE)).astype(np.float32)
    objective = Recorder(Network(SIZE, LABELS, whole=True), COUNT)
    problem = build_problem(objective, start, 0, 255, wanted=np.inf, **PICTURE)
    result = build(cls, eps=f"{levels}/255", norm=norm, steps=6, restarts=1).search(problem)
    for points, rows in [*objective.calls, (result.points, problem.rows)]:
        offsets = points.astype(float) - start[rows]
        largest = np.abs(offsets) if norm == "inf" else np.sqrt((offsets**2).sum(axis=1))
        assert np.all(largest <= levels * (1 + 1e-12))
        assert np.all((points >= 0) & (points <= 255))
    np.testing.assert_array_equal(result.points, np.rint(result.points))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("cls", RADIAL, ids=[cls.name for cls in RADIAL])
def test_a_larger_radius_never_has_fewer_successes(cls, norm):
    start = draw_start(count=20)
    texts = ["4", "4;12", "4;12;30", "4;12;30;80"]
    results = [
        build(cls, eps=";".join(f"{t}/255" for t in text.split(";")), norm=norm).search(
            build_pictures(start)
        )
        for text in texts
    ]
    shares = [result.reached.mean() for result in results]
    assert shares == sorted(shares)
    assert shares[-1] > shares[0]
    for smaller, larger in itertools.pairwise(results):
        done = smaller.reached  # at a smaller radius: the same point, and no call more
        np.testing.assert_array_equal(larger.points[done], smaller.points[done])
        np.testing.assert_array_equal(larger.radius[done], smaller.radius[done])
        np.testing.assert_array_equal(larger.gradient_calls[done], smaller.gradient_calls[done])
    result = results[-1]
    offsets = np.abs(result.points - start).astype(float)
    far = offsets.max(axis=1) if norm == "inf" else np.sqrt((offsets**2).sum(axis=1))
    assert np.all(far <= np.minimum(result.radius, 80 / 255) * 255 * (1 + 1e-9))
    np.testing.assert_array_equal(np.isfinite(result.radius), result.reached)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("cls", RADIAL, ids=[cls.name for cls in RADIAL])
def test_a_radius_of_zero_leaves_the_start(cls, norm):
    start = np.random.default_rng(0).normal(size=(COUNT, SIZE)).astype(np.float32)
    problem = build_problem(Network(SIZE, LABELS), start, wanted=np.inf)
    result = build(cls, eps="0", norm=norm).search(problem)
    np.testing.assert_array_equal(result.points, start)
    assert not result.reached.any()


@pytest.mark.parametrize("cls", RADIAL, ids=[cls.name for cls in RADIAL])
def test_arrays_need_a_radius(cls):
    problem = build_problem(Network(SIZE, LABELS), draw_start())
    with pytest.raises(UsageError, match="radius"):
        cls().search(problem)


# Goals that look for the nearest point


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("cls", [c for c in ALL if c.minimal and c.leaves_class], ids=str)
def test_a_minimal_point_is_near_the_boundary(cls, norm):
    """With values that need no rounding: 10 % nearer to the start, it is not reached."""
    start = np.random.default_rng(0).normal(size=(COUNT, SIZE)).astype(np.float32)
    objective = Network(SIZE, LABELS)
    wanted = objective.compute_scores(start, LABELS) + 0.5
    problem = build_problem(objective, start, wanted=wanted)
    result = build(cls, norm=norm).search(problem)
    assert result.reached.all()
    inner = start + 0.9 * (result.points - start)
    assert np.all(objective.compute_scores(inner, problem.rows) < wanted)

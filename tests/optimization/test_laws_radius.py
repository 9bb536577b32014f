"""Laws of all goals that search within a radius."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inputgrad_cli.errors import UsageError
from tests.optimization.law_cases import (
    COUNT,
    LABELS,
    NORMS,
    PICTURE,
    RADIAL,
    SIZE,
    build,
    build_pictures,
    draw_start,
)
from tests.optimization.problems import Network, Recorder, build_problem


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

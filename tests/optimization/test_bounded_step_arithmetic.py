"""Projections and lengths of steps: closed forms, and never outside."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from inputgrad_cli.optimization.bounded_step_arithmetic import (
    add_inward,
    compute_room,
    normalize_rows,
    project_on_ball,
    scale_offsets,
    solve_scales,
)

WIDTH = 6
values = arrays(np.float32, (3, WIDTH), elements=st.floats(-100, 100, width=32))
# Squares of values below 1e-150 vanish in float64; those of float32 are above 1e-45.
sizes = arrays(
    np.float64, (3, WIDTH), elements=st.floats(0, 50).filter(lambda x: x == 0 or x > 1e-45)
)
radii = st.floats(0, 200)


def project_by_bisection(offsets, room, radius):
    """Return the projection of one offset, by the definition: cut(s * offset), s by bisection."""
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        cut = np.minimum(middle * np.abs(offsets), room)
        low, high = (middle, high) if np.linalg.norm(cut) <= radius else (low, middle)
    scale = 1.0 if np.linalg.norm(np.minimum(np.abs(offsets), room)) <= radius else low
    return np.sign(offsets) * np.minimum(scale * np.abs(offsets), room)


@given(values, sizes, radii)
def test_the_projection_is_the_one_that_bisection_gives(offsets, room, radius):
    room = np.where(offsets == 0, 0, room)
    ours = project_on_ball(offsets.astype(float), room, radius)
    for row in range(len(offsets)):
        expected = project_by_bisection(offsets[row].astype(float), room[row], radius)
        np.testing.assert_allclose(ours[row], expected, atol=1e-9)


@given(values, sizes, radii)
def test_the_projection_is_nearer_than_any_other_point_inside(offsets, room, radius):
    """The condition of a projection on a convex set: (y - z) . (w - z) <= 0 for all w inside."""
    room = np.where(offsets == 0, 0, room)
    ours = project_on_ball(offsets.astype(float), room, radius)
    others = np.random.default_rng(0).uniform(0, 1, (40, *offsets.shape)) * room
    others *= np.sign(offsets)
    norms = np.linalg.norm(others, axis=2, keepdims=True)
    others *= np.minimum(1, radius / np.maximum(norms, 1e-30))
    products = ((offsets - ours) * (others - ours)).sum(axis=2)
    assert np.all(products <= 1e-8 * (1 + np.abs(offsets).max()) ** 2)


@given(values, sizes, radii)
def test_a_projection_twice_is_a_projection_once(offsets, room, radius):
    room = np.where(offsets == 0, 0, room)
    once = project_on_ball(offsets.astype(float), room, radius)
    np.testing.assert_allclose(project_on_ball(once, room, radius), once, atol=1e-9)
    assert np.all(np.linalg.norm(once, axis=1) <= radius * (1 + 1e-12))
    assert np.all(np.abs(once) <= room)


@given(values, values, radii)
def test_a_projection_never_enlarges_a_distance(first, second, radius):
    """Both are projected on the same ball and the same box, -20..30."""
    projected = []
    for offsets in (first.astype(float), second.astype(float)):
        room = compute_room(offsets, np.zeros(offsets.shape), np.full(1, -20.0), np.full(1, 30.0))
        projected.append(project_on_ball(offsets, room, radius))
    before = np.linalg.norm(first.astype(float) - second, axis=1)
    assert np.all(np.linalg.norm(projected[0] - projected[1], axis=1) <= before + 1e-9)


@given(values, arrays(np.float64, (3, WIDTH), elements=st.floats(-1e3, 1e3)))
def test_a_sum_is_never_farther_from_the_start_than_its_offset(start, offsets):
    sums = add_inward(start, offsets)
    assert sums.dtype == np.float32
    distances = np.abs(sums.astype(float) - start)
    assert np.all(distances <= np.abs(offsets))
    np.testing.assert_allclose(distances, np.abs(offsets), atol=2e-4)  # 2 float32 steps at 1100


def test_a_sum_of_whole_numbers_is_exact():
    start = np.arange(256, dtype=np.float32)[None]
    np.testing.assert_array_equal(add_inward(start, 8.0), start + 8)
    np.testing.assert_array_equal(add_inward(start, -3.0), start - 3)


@given(sizes, sizes, arrays(np.float64, 3, elements=st.floats(0, 300)))
def test_scales_solve_their_equation(speeds, room, totals):
    room = np.where(speeds == 0, 0, room)
    for power, weights in ((1, speeds), (2, 1.0)):
        scales = solve_scales(speeds, room, totals, weights=weights, power=power)
        reach = (weights * room**power).sum(axis=1)
        finite = np.isfinite(scales)
        moved = np.minimum(scales[finite, None] * speeds[finite], room[finite])
        weight = np.broadcast_to(weights, speeds.shape)[finite]
        np.testing.assert_allclose(
            (weight * moved**power).sum(axis=1), totals[finite], rtol=1e-9, atol=1e-9
        )
        assert np.all(reach[~finite] <= totals[~finite] * (1 + 1e-9) + 1e-9)


def test_a_scale_is_infinite_where_all_room_is_not_enough():
    speeds, room = np.array([[1.0, 2.0, 0.0]]), np.array([[3.0, 4.0, 0.0]])
    assert solve_scales(speeds, room, np.array([7.5]))[0] == np.inf
    assert solve_scales(speeds, room, np.array([6.5]))[0] == 2.5  # 2.5 and all 4
    full = scale_offsets(np.array([[1.0, -2.0, 0.0]]), room, np.array([np.inf]))
    np.testing.assert_array_equal(full, [[3.0, -4.0, 0.0]])


def test_room_may_be_infinite():
    room = compute_room(np.array([[1.0, -1.0, 0.0]]), np.zeros((1, 3)), -np.inf, np.inf)
    np.testing.assert_array_equal(room, [[np.inf, np.inf, 0.0]])
    scales = solve_scales(np.array([[3.0, 4.0, 0.0]]), room, np.array([100.0]), power=2)
    np.testing.assert_allclose(scales, [2.0])


def test_directions_have_length_one_however_small_the_gradient():
    gradients = np.array([[3.0, 4.0], [3e-300, -4e-300], [0.0, 0.0]])
    np.testing.assert_allclose(normalize_rows(gradients), [[0.6, 0.8], [0.6, -0.8], [0, 0]])

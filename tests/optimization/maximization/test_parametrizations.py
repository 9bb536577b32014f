"""Parametrizations: exact adjoints, spectra that stay, colours that vary together."""

import numpy as np
import pytest

from inputgrad_cli.optimization.maximization.colour_decorrelation import (
    build_imagenet_colours,
    compute_colours,
)
from inputgrad_cli.optimization.maximization.fourier_coefficients import Fourier, Spectrum
from inputgrad_cli.optimization.maximization.parametrization_builder import (
    CanvasOptions,
    build_parametrization,
)
from inputgrad_cli.optimization.maximization.parametrizations import Grid
from inputgrad_cli.optimization.maximization.phase_parametrization import (
    Phases,
    compute_mean_magnitudes,
    compute_smooth_magnitudes,
)
from inputgrad_cli.optimization.maximization.range_parametrizations import Clip
from inputgrad_cli.optimization.maximization.spotlight_window import compute_window
from tests.optimization.problems import Linear, build_problem

GRIDS = [
    Grid((8, 8), 1), Grid((7, 9), 3), Grid((6, 11), 2), Grid((5, 4), 3), Grid((1, 1), 3),
    Grid((12,), 2), Grid((7,), 1), Grid((3, 4, 5), 1),
]  # fmt: skip
ROWS = np.arange(2)


def build_phases(grid, rng):
    spectrum = Spectrum(grid)
    magnitudes = np.abs(spectrum.transform(rng.normal(size=(1, *grid.size, grid.channels))))
    return Phases(grid, magnitudes, np.zeros((1, *spectrum.shape)))


def check_slopes(parametrization, parameters, shape, rng):
    """Hold the gradients of the parameters against differences of weighted values."""
    weights = rng.normal(size=shape)
    slopes = parametrization.pull_back(parameters, weights, ROWS)
    direction = rng.normal(size=parameters.shape)
    width = 1e-5
    after, before = (
        (weights * parametrization.decode(parameters + sign * width * direction, ROWS)).sum()
        for sign in (1, -1)
    )
    expected = (after - before) / (2 * width)
    assert (slopes * direction).sum() == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_fourier_and_its_gradients_are_adjoint(grid):
    rng = np.random.default_rng(0)
    fourier = Fourier(grid, 1.3)
    parameters = rng.normal(size=(2, fourier.count))
    weights = rng.normal(size=(2, *grid.size, grid.channels))
    there = (fourier.decode(parameters, ROWS) * weights).sum()
    back = (parameters * fourier.pull_back(parameters, weights, ROWS)).sum()
    assert there == pytest.approx(back, rel=1e-9)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_gradients_of_phases_agree_with_differences(grid):
    rng = np.random.default_rng(1)
    phases = build_phases(grid, rng)
    parameters = rng.normal(size=(2, phases.count))
    check_slopes(phases, parameters, (2, *grid.size, grid.channels), rng)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_phases_never_change_a_magnitude(grid):
    rng = np.random.default_rng(2)
    phases = build_phases(grid, rng)
    values = phases.decode(rng.normal(size=(2, phases.count)), ROWS)
    magnitudes = np.abs(Spectrum(grid).transform(values))
    np.testing.assert_allclose(
        magnitudes, np.repeat(phases.magnitudes, 2, axis=0), atol=1e-12 * phases.magnitudes.max()
    )


@pytest.mark.parametrize("param", ["fourier", "pixels", "maco"])
@pytest.mark.parametrize("from_noise", [True, False])
@pytest.mark.parametrize("spotlight", [True, False])
def test_gradients_of_a_whole_point_agree_with_differences(param, from_noise, spotlight):
    rng = np.random.default_rng(3)
    shapes = {"picture": (6, 5, 3), "sound": (9,), "table": (4,)}
    problem = build_problem(
        Linear(np.zeros(103)), rng.uniform(90, 160, (2, 103)), 0, 255, shapes=shapes,
        pictures=frozenset({"picture"}), series=frozenset({"sound"}), from_noise=from_noise,
    )  # fmt: skip
    whole = build_parametrization(problem, CanvasOptions(param, 1.0, spotlight))
    parameters = 0.01 * rng.normal(size=(2, whole.count))
    weights = rng.normal(size=(2, 103))
    slopes = whole.pull_back(parameters, weights, ROWS)
    direction = rng.normal(size=parameters.shape)
    width = 0.01  # points are float32
    after, before = (
        (weights * whole.decode(parameters + sign * width * direction, ROWS)).sum()
        for sign in (1, -1)
    )
    assert (slopes * direction).sum() == pytest.approx((after - before) / (2 * width), rel=0.02)


def test_ascent_of_coefficients_is_filtered_ascent_of_pixels():
    rng = np.random.default_rng(4)
    height, width, decay = 6, 8, 1.0
    fourier = Fourier(Grid((height, width), 1), decay)
    gradients = rng.normal(size=(1, height, width, 1))
    change = fourier.decode(fourier.pull_back(np.zeros((1, 0)), gradients, ROWS[:1]), ROWS[:1])
    down, right = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    scales = 0.1 * np.sqrt(height * width) / np.maximum(np.hypot(down, right), 1 / 8) ** decay
    pairs = np.array([1, 2, 2, 2, 1])  # the first and the last column hold their own conjugates
    filtered = pairs * scales**2 / (height * width) * np.fft.rfft2(gradients[0, ..., 0])
    np.testing.assert_allclose(change[0, ..., 0], np.fft.irfft2(filtered, (height, width)))


def test_magnitudes_without_data_have_a_standard_deviation_of_one():
    for grid in (Grid((8, 6), 2), Grid((7, 9), 1), Grid((16,), 3)):
        magnitudes = compute_smooth_magnitudes(Spectrum(grid), 1.0)
        phases = Phases(grid, magnitudes, np.zeros_like(magnitudes))
        values = phases.decode(phases.draw_noise(b"seed", 0)[None], ROWS[:1])
        np.testing.assert_allclose(values.std(axis=grid.axes), 1.0)
        np.testing.assert_allclose(values.mean(axis=grid.axes), 0.0, atol=1e-12)


def test_magnitudes_of_data_are_their_mean_without_brightness():
    samples = np.random.default_rng(5).normal(size=(4, 6, 7, 2))
    magnitudes = compute_mean_magnitudes(Spectrum(Grid((6, 7), 2)), samples)
    expected = np.mean([np.abs(np.fft.rfft2(s, axes=(0, 1))) for s in samples], axis=0)
    expected[0, 0] = 0
    np.testing.assert_allclose(magnitudes[0], expected)


@pytest.mark.parametrize("size", [(7, 9), (8, 6), (10,)])
def test_phases_of_an_input_give_that_input_where_nothing_is_moved(size):
    shape = (*size, 2)
    start = np.random.default_rng(6).uniform(0, 255, (2, int(np.prod(shape))))
    problem = build_problem(Linear(np.zeros(1)), start, 0, 255, shapes={"x": shape})
    whole = build_parametrization(problem, CanvasOptions("maco", 1.0, spotlight=False))
    points = whole.decode(np.zeros((2, whole.count)), ROWS)
    np.testing.assert_allclose(points, problem.start, atol=1e-3)


def test_colours_of_data_have_its_covariance():
    rng = np.random.default_rng(7)
    values = rng.normal(size=(500, 4, 3)) @ rng.normal(size=(3, 3))
    colours = compute_colours(values)
    covariance = np.cov(values.reshape(-1, 3), rowvar=False)
    product = colours.matrix.T @ colours.matrix
    np.testing.assert_allclose(product / product[0, 0], covariance / covariance[0, 0])
    np.testing.assert_allclose(colours.decode(colours.separate(values), ROWS), values)


def test_the_first_colour_is_brightness_and_the_longest():
    matrix = build_imagenet_colours().matrix
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=1)[0], 1.0)
    assert np.ptp(matrix[0]) < 0.05
    assert np.all(np.linalg.norm(matrix, axis=1)[1:] < 0.4)


def test_colours_of_grey_pictures_are_grey():
    values = np.repeat(np.random.default_rng(8).normal(size=(20, 5, 1)), 3, axis=2)
    colours = compute_colours(values)
    channels = colours.decode(np.random.default_rng(9).normal(size=(1, 5, 3)), ROWS[:1])
    np.testing.assert_allclose(channels, np.repeat(channels[..., :1], 3, axis=2), atol=1e-6)


def test_a_value_beyond_a_bound_feels_only_what_leads_back():
    low, high = np.zeros((1, 3)), np.ones((1, 3))
    clip = Clip(np.full((1, 3), 0.5), low, high, np.ones((1, 3)))
    parameters = np.array([[-2.0, 0.0, 2.0]])
    rows = ROWS[:1]
    np.testing.assert_array_equal(clip.decode(parameters, rows), [[0, 0.5, 1]])
    up, down = (clip.pull_back(parameters, np.full((1, 3), slope), rows) for slope in (1, -1))
    np.testing.assert_array_equal(up, [[1, 1, 0]])
    np.testing.assert_array_equal(down, [[0, -1, -1]])


def test_the_window_is_one_in_the_middle_and_zero_at_the_corners():
    window = compute_window(Grid((9, 9), 3))[..., 0]
    assert window[4, 4] == 1
    assert window[0, 0] < 0.05
    np.testing.assert_array_equal(window, window.T)
    np.testing.assert_array_equal(window, window[::-1])

"""Total Sobol indices against those known on paper."""

import numpy as np

from inputgrad_cli.methods import methods
from inputgrad_cli.methods.perturbation import sobol
from tests.formula_engines import linear

from . import W, X, run
from .perturbed import HALF, formula, pictures


def test_indices_of_a_linear_model_are_shares_of_squares():
    result = run("sobol:samples=4096", linear(W, 7.0), X, {"x": HALF}).values["x"]
    squares = (W * (X - HALF)) ** 2
    np.testing.assert_allclose(result, squares / squares.sum(axis=1, keepdims=True), atol=0.03)


def test_indices_of_a_product_count_the_interaction_for_both():
    """Of a b with a and b even on [0, 1): Var = 1/9 - 1/16, and (1/3)(1/12) moves with each."""
    result = run("sobol:samples=8192", formula(lambda x: x[:, 0] * x[:, 1], 2), np.ones((1, 2)))
    np.testing.assert_allclose(result.values["x"], 4 / 7, atol=0.03)


def test_a_score_that_does_not_vary_has_no_indices():
    assert np.all(run("sobol", linear(np.zeros(3), 5.0), X).values["x"] == 0)
    wobble = formula(lambda x: 5 + 1e-8 * x[:, 0], 3)
    assert np.all(run("sobol", wobble, X).values["x"] == 0)


def test_designs_fill_every_axis_evenly_and_points_swap_one_column():
    first, second = methods.build("sobol:samples=8")._draw_designs(b"key", 3)
    for design in (first, second):
        assert np.sort((design * 8).astype(int), axis=0).T.tolist() == [list(range(8))] * 3
    points = sobol._build_points(first, second, np.arange(8 * 4))
    np.testing.assert_array_equal(points[:8], first)
    for column in range(3):
        mixed = first.copy()
        mixed[:, column] = second[:, column]
        np.testing.assert_array_equal(points[8 * (column + 1) : 8 * (column + 2)], mixed)


def test_a_picture_has_eleven_windows_a_side():
    assert methods.build("sobol").passes == 32 * (121 + 1)
    result = pictures("sobol:samples=64", lambda x: x[:, 0, 0, 0], np.ones((1, 22, 22, 1)))
    assert np.all(result[0, :2, :2] > 0.5)
    assert np.all(result[0, 2:] == 0)

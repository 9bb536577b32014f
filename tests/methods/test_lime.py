"""LIME against the weighted fit written out."""

import numpy as np

from tests.formula_engines import linear

from . import W, X, run
from .perturbed import formula, pictures


def test_lime_of_a_product_is_the_weighted_fit_written_out():
    """Four copies of two features, x1 x2 = 6, weights exp(-8 d^2) with d = 0, 1 - sqrt(1/2), 1."""
    engine = formula(lambda x: x[:, 0] * x[:, 1], 2)
    result = run("lime", engine, np.array([[2.0, 3.0]])).values["x"]
    near = np.exp(-8 * (1 - np.sqrt([0, 0.5, 0.5, 1])) ** 2)
    design = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1]]) * np.sqrt(near)[:, None]
    fit = np.linalg.solve(design.T @ design, design.T @ (np.sqrt(near) * [0, 0, 0, 6]))
    np.testing.assert_allclose(result, [fit[1:]], rtol=1e-5)


def test_a_ridge_shrinks_the_coefficients():
    free, held, flat = (run(f"lime:ridge={r}", linear(W), X).values["x"] for r in (0, 1, 1e9))
    assert np.all((held**2).sum(axis=1) < (free**2).sum(axis=1))
    np.testing.assert_allclose(flat, 0, atol=1e-6)


def test_lime_of_a_picture_gives_a_segments_coefficient_to_all_of_it():
    x = np.ones((1, 4, 4, 3))
    result = pictures("lime:grid=2", lambda x: x[:, :2, :2].sum(axis=(1, 2, 3)), x)
    np.testing.assert_allclose(result[0, :2, :2], 12, rtol=1e-5)
    np.testing.assert_allclose(result[0, 2:], 0, atol=1e-5)

"""Scores that are lost with a segment or a group, by hand."""

import numpy as np

from tests.formula_engines import Spy, linear

from . import W, X, run
from .perturbed import pictures


def test_a_group_is_lost_as_one():
    result = run("feature-ablation:groups=0-1", linear(W), X).values["x"]
    both = W[0] * X[:, 0] + W[1] * X[:, 1]
    np.testing.assert_allclose(result, np.stack([both, both, W[2] * X[:, 2]], axis=1), rtol=1e-5)


def test_groups_may_be_of_one_feature_and_in_any_order():
    engine = Spy(linear(np.ones(6)))
    result = run("feature-ablation:groups=5;2-3", engine, np.arange(6.0)[None]).values["x"]
    np.testing.assert_allclose(result, [[0, 1, 5, 5, 4, 5]])
    assert len(engine.scored) == 1 + 5  # the clean one is the helper's


def test_windows_of_a_picture_are_lost_with_all_channels():
    x = np.arange(16.0).reshape(1, 2, 4, 2)
    result = pictures("feature-ablation:grid=2", lambda x: x.sum(axis=(1, 2, 3)), x)
    expected = [[6, 6, 22, 22], [38, 38, 54, 54]]
    np.testing.assert_allclose(result[0, ..., 0], expected)
    np.testing.assert_allclose(result[0, ..., 1], expected)

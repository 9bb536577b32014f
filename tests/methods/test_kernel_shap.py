"""Shapley values against the mean over all orders."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from inputgrad_cli.data.attribution_results import sum_sites
from inputgrad_cli.methods import methods
from inputgrad_cli.methods.perturbation import kernel_shap
from tests.formula_engines import Formula, Spy, case, neighbours

from . import X, run
from .perturbed import WIDE, formula, pictures


def shapley(game, players):
    """Return the Shapley values of a game on sets, by the mean over all orders."""
    values = np.zeros(players)
    orders = list(permutations(range(players)))
    for order in orders:
        for position, player in enumerate(order):
            values[player] += game({*order[: position + 1]}) - game({*order[:position]})
    return values / len(orders)


@pytest.mark.parametrize("players", [1, 2, 3, 4])
def test_shapley_values_are_the_mean_over_all_orders(players):
    worths = np.random.default_rng(players).normal(size=2**players)

    def worth(stay):
        return worths[(stay * 2 ** np.arange(players)).sum(axis=-1).astype(int)]

    engine = formula(worth, players)
    result = run("kernel-shap", engine, np.ones((1, players)))
    expected = shapley(lambda some: worth(np.isin(np.arange(players), list(some)) * 1), players)
    np.testing.assert_allclose(result.values["x"][0], expected, rtol=1e-5, atol=1e-6)
    assert result.completeness.gap[0] < 1e-5


def test_an_unused_segment_of_an_enumerated_game_has_nothing_at_all():
    engine = formula(lambda x: x[:, 0] * np.exp(x[:, 1]), 3)
    assert np.all(run("kernel-shap", engine, X).values["x"][:, 2] == 0)


def test_drawn_coalitions_come_near_the_shapley_values_and_sum_up_exactly():
    """Of sum x^2 + sum of products of neighbours: the square, and half of each product."""
    x = WIDE
    pairs = x[:, 1:] * x[:, :-1] / 2
    expected = x**2 + np.pad(pairs, ((0, 0), (1, 0))) + np.pad(pairs, ((0, 0), (0, 1)))
    result = run("kernel-shap", neighbours(13), x)
    np.testing.assert_allclose(result.values["x"], expected, atol=0.02)
    np.testing.assert_allclose(result.completeness.gap, 0, atol=1e-5)


def test_more_samples_than_coalitions_make_the_draws_exact():
    engine = formula(lambda x: np.tanh(x.sum(axis=1)) * x[:, 3], 13)
    exact = run("kernel-shap:samples=8190", Spy(engine), WIDE).values["x"]
    drawn = run("kernel-shap", engine, WIDE).values["x"]
    few = run("kernel-shap:samples=100", engine, WIDE).values["x"]
    assert 0 < np.abs(drawn - exact).max() < 0.02
    assert np.abs(drawn - exact).max() < np.abs(few - exact).max()


@pytest.mark.parametrize(("players", "samples"), [(13, 2000), (64, 2176), (20, 80), (1024, 4096)])
def test_coalitions_begin_with_the_outer_sizes_and_come_in_pairs(players, samples):
    rows, shares = kernel_shap._build_coalitions(b"key", players, samples)
    assert samples - 1 <= len(rows) <= samples
    assert shares.sum() == pytest.approx(1)
    assert np.all((rows.sum(axis=1) > 0) & (rows.sum(axis=1) < players))
    packed = {row.tobytes() for row in np.packbits(rows, axis=1)}
    assert packed == {row.tobytes() for row in np.packbits(~rows, axis=1)}
    if samples > 1000 > players:
        sizes = np.bincount(rows.sum(axis=1), minlength=players)
        assert sizes[1] == sizes[players - 1] == players
    by_size = np.bincount(rows.sum(axis=1), shares, players)[1:]
    kernel = 1 / (np.arange(1, players) * np.arange(players - 1, 0, -1))
    np.testing.assert_allclose(by_size, kernel / kernel.sum(), atol=1.5 / np.sqrt(samples))


def test_a_segments_shapley_value_is_shared_among_its_values():
    x = np.ones((1, 4, 4, 3))
    result = pictures("kernel-shap:grid=2", lambda x: x[:, :2, :2].sum(axis=(1, 2, 3)), x)
    np.testing.assert_allclose(result[0, :2, :2], 1, rtol=1e-6)
    assert np.all(result[0, 2:] == 0)


def test_several_inputs_are_players_of_one_game():
    engine = Formula(
        lambda x: x["p"].mean(axis=(1, 2, 3)) * x["v"][:, 0], None, {"p": (4, 4, 1), "v": (1,)}
    )
    question = case(engine, {"p": np.ones((1, 4, 4, 1)), "v": [[2.0]]})
    question = replace(question, spatial_axes={"p": (1, 2)})
    result = methods.build("kernel-shap:grid=2").attribute(engine, question)
    np.testing.assert_allclose(result.values["v"], [[1.0]], rtol=1e-5)
    np.testing.assert_allclose(result.values["p"], 1 / 16, rtol=1e-5)
    np.testing.assert_allclose(sum_sites(result.values), [2.0], rtol=1e-5)

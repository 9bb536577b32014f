"""Adam: the first step, no unit of the score, and items on their own."""

import numpy as np

from inputgrad_cli.optimization.maximization.adam import Adam

ROWS = np.arange(2)


def test_the_first_step_has_the_length_of_a_step_in_each_parameter():
    gradients = np.array([[3.0, -2.0, 1e-3], [1e-12, -1e-12, 0.0]])
    steps = Adam(2, 3, 0.05).compute_steps(gradients, ROWS)
    np.testing.assert_allclose(steps, 0.05 * np.sign(gradients), rtol=1e-4)


def test_a_score_times_a_constant_takes_the_same_steps():
    rng = np.random.default_rng(0)
    paths = [Adam(2, 4, 0.1), Adam(2, 4, 0.1)]
    for _ in range(20):
        gradients = rng.normal(size=(2, 4))
        small, large = (
            adam.compute_steps(scale * gradients, ROWS)
            for adam, scale in zip(paths, (1e-9, 1e9), strict=True)
        )
        np.testing.assert_allclose(small, large, rtol=1e-9)


def test_an_item_that_pauses_is_as_if_alone():
    rng = np.random.default_rng(1)
    both, alone = Adam(2, 3, 0.1), Adam(1, 3, 0.1)
    for step in range(10):
        gradients = rng.normal(size=(2, 3))
        if step % 2:
            both.compute_steps(gradients[:1], ROWS[:1])
            continue
        expected = alone.compute_steps(gradients[1:], ROWS[:1])
        np.testing.assert_array_equal(both.compute_steps(gradients, ROWS)[1:], expected)

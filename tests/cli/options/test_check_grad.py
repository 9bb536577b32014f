"""`--check-grad`: gradients held against the scores themselves."""

import numpy as np
import pytest

import inputgrad_cli as ig

LAYER = """
import keras
import tensorflow as tf


@tf.custom_gradient
def squared(x):
    return x**2, lambda up: up * FACTOR * x


@keras.saving.register_keras_serializable("tests", NAME)
class Square(keras.layers.Layer):
    def call(self, x):
        return squared(x)
"""


@pytest.fixture
def square(tmp_path):
    """Return a function that makes a model of sum x^2 whose gradient is `factor` times x."""

    def make(factor):
        import keras

        code = tmp_path / f"code{factor}.py"
        code.write_text(LAYER.replace("FACTOR", f"{factor}.0").replace("NAME", f"'Sq{factor}'"))
        scope = {}
        exec(code.read_text(), scope)
        dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
        model = keras.Sequential([keras.layers.Input((3,)), scope["Square"](), dense])
        path = tmp_path / f"square{factor}.keras"
        model.save(path)
        return path, code

    return make


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.array([[1.0, -2.0, 0.5], [3.0, 0.1, 2.0]], np.float32))
    return path


def test_a_right_gradient_holds(call, square, table):
    path, code = square(2)
    done = call("saliency", path, table, "--code", code, "--check-grad", "--strict", "--json")
    assert done.code == 0, done.err
    for item in done.events("item"):
        check = item["checks"]["gradient"]
        assert check["ok"]
        assert check["error"] < 1e-3
        assert check["slope"] == pytest.approx(check["difference"], rel=1e-3)


def test_a_wrong_gradient_is_told_and_fails_a_strict_run(call, square, table):
    path, code = square(3)
    done = call("saliency", path, table, "--code", code, "--check-grad", "--json")
    assert done.code == 0
    assert all(not item["checks"]["gradient"]["ok"] for item in done.events("item"))
    assert [w["code"] for w in done.events("warning")] == ["gradient"]
    again = call("saliency", path, table, "--code", code, "--check-grad", "--strict")
    assert again.code == 1


def test_without_the_option_nothing_is_checked_and_with_it_maps_are_made_again(call, square, table):
    path, code = square(2)
    first = call("saliency", path, table, "--code", code, "--json")
    assert all("gradient" not in item["checks"] for item in first.events("item"))
    second = call("saliency", path, table, "--code", code, "--check-grad", "--json")
    assert [item["status"] for item in second.events("item")] == ["ok", "ok"]


def test_the_worst_class_of_a_jacobian_and_pictures_too(call, samples):
    picture = samples / "inputs" / "shapes" / "00-cross.png"
    done = call(
        "saliency", samples / "shapes.keras", picture, "-t", "all", "--check-grad", "--json"
    )
    assert done.code == 0, done.err
    assert done.events("item")[0]["checks"]["gradient"]["ok"]


def test_python_checks_as_well(samples):
    x = np.load(samples / "inputs" / "two_heads.npy")
    attribution = ig.explain(samples / "two_heads.keras", x, target="kind/top1", check_grad=True)
    assert all(check["gradient"]["error"] < 1e-3 for check in attribution.metadata["checks"])


def test_a_slope_that_the_scores_rounding_hides_is_not_called_wrong(call, tmp_path):
    """A saturated sigmoid: the gradient is right, and no difference of float32 scores shows it."""
    import keras

    dense = keras.layers.Dense(1, activation="sigmoid", kernel_initializer="ones")
    model = keras.Sequential([keras.layers.Input((3,)), dense])
    model.save(tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", np.array([7.0, 6.0, 7.0], np.float32))
    words = ("--check-grad", "--strict", "--space", "probability", "--json")
    done = call("saliency", "m.keras", "x.npy", *words)
    assert done.code == 0, done.err
    assert done.events("item")[0]["checks"]["gradient"]["ok"]

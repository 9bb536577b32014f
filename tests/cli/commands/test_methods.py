"""The methods' numbers, on models whose answer is known."""

import numpy as np
import pytest

from tests.cli import arrays, items, metadata

WEIGHTS = np.array([1.0, -2.0, 3.0, 0.5], "float32")
VALUES = np.array([[0.5, 1.0, -1.0, 2.0], [1.0, 0.0, 2.0, -3.0]], "float32")


@pytest.fixture
def linear(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(1)])
    model.set_weights([WEIGHTS[:, None], np.array([7.0])])
    model.save(tmp_path / "linear.keras")
    np.save(tmp_path / "x.npy", VALUES)
    return "linear.keras", "x.npy"


@pytest.fixture
def explain(call, linear):
    def explain(method, *words):
        out = "-".join(("out", *(word.replace("/", "") for word in (method, *words))))
        result = call("saliency", *linear, "-m", method, *words, "--json", "-o", out)
        assert result.code == 0, result.err
        return arrays(items(result)[0]["arrays"])["x"], items(result)

    return explain


def test_the_gradient_of_a_line_is_its_weights(explain):
    values, seen = explain("gradient")
    np.testing.assert_allclose(values, [WEIGHTS, WEIGHTS], rtol=1e-6)
    assert [item["score"] for item in seen] == pytest.approx(list(VALUES @ WEIGHTS + 7))


def test_input_x_gradient(explain):
    np.testing.assert_allclose(explain("input-x-gradient")[0], VALUES * WEIGHTS, rtol=1e-6)


@pytest.mark.parametrize("inner", ["gradient", "input-x-gradient"])
def test_smoothgrad_of_a_line_has_the_mean_of_the_inner_method(explain, inner):
    values, _ = explain(f"smoothgrad:samples=20,of={inner}")
    assert values.shape == VALUES.shape
    if inner == "gradient":
        np.testing.assert_allclose(values, [WEIGHTS, WEIGHTS], rtol=1e-5)


def test_smoothgrad_without_noise_is_its_inner_method(explain):
    values, _ = explain("smoothgrad:samples=2,noise=0,of=input-x-gradient")
    np.testing.assert_allclose(values, VALUES * WEIGHTS, rtol=1e-5)


def test_smoothgrad_of_a_quoted_method_with_parameters(explain):
    values, _ = explain('smoothgrad:samples=3,noise=0,of="integrated-gradients:steps=4"')
    np.testing.assert_allclose(values, VALUES * WEIGHTS, rtol=1e-4)


@pytest.mark.parametrize("rule", ["midpoint", "trapezoid", "gauss-legendre", "left", "right"])
def test_every_rule_is_exact_on_a_line(explain, rule):
    values, seen = explain(f"integrated-gradients:steps=4,rule={rule}")
    np.testing.assert_allclose(values, VALUES * WEIGHTS, rtol=1e-4, atol=1e-6)
    assert {item["checks"]["completeness"]["steps"] for item in seen} == {4}
    assert all(item["checks"]["completeness"]["ok"] for item in seen)


@pytest.mark.parametrize(
    ("baseline", "value"), [("zeros", 0), ("constant:value=2", 2), ("constant:value=-0.5", -0.5)]
)
def test_the_baseline_moves_the_start(explain, baseline, value):
    values, _ = explain("integrated-gradients", "--baseline", baseline)
    np.testing.assert_allclose(values, (VALUES - value) * WEIGHTS, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("baseline", ["uniform", "noise:std=0.5"])
def test_a_drawn_baseline_follows_the_seed(explain, baseline):
    drawn, _ = explain("integrated-gradients:as=a", "--baseline", baseline, "--seed", "1")
    same, _ = explain("integrated-gradients:as=b", "--baseline", baseline, "--seed", "1")
    other, _ = explain("integrated-gradients:as=c", "--baseline", baseline, "--seed", "2")
    np.testing.assert_array_equal(drawn, same)
    assert np.abs(drawn - other).max() > 0


@pytest.mark.parametrize("baseline", ["black", "white", "gray"])
def test_pixel_baselines_serve_pictures(call, samples, baseline):
    words = (samples / "shapes.keras", samples / "inputs/shapes/00-cross.png", "--json")
    method = ("-m", "integrated-gradients:steps=4", "--tolerance", "99")
    (item,) = items(call("saliency", *words, *method, "--baseline", baseline))
    record = metadata(item["arrays"])
    assert baseline in str(record["baseline"])
    assert record["score"] - record["baseline_score"] == pytest.approx(
        item["checks"]["completeness"]["difference"], rel=1e-4
    )


def test_draws_depend_on_seed_and_content_alone(call, samples):
    folder = samples / "inputs/shapes"
    words = ("--json", "--picture", "none", "-m", "smoothgrad:samples=3")
    path = folder / "05-star.png"
    alone = items(call("saliency", samples / "shapes.keras", path, *words, "-o", "a"))
    batch = ("--batch-size", "5")
    among = items(call("saliency", samples / "shapes.keras", folder, *words, *batch, "-o", "b"))
    (among,) = [item for item in among if item["input"] == "05-star.png"]
    values, expected = (arrays(item["arrays"])["picture"] for item in (among, alone[0]))
    np.testing.assert_allclose(values, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_another_seed_gives_another_draw(call, samples):
    words = (samples / "shapes.keras", samples / "inputs/shapes/05-star.png", "--json")
    method = ("-m", "smoothgrad:samples=3")
    first = items(call("saliency", *words, *method, "-o", "a"))[0]["arrays"]
    two = items(call("saliency", *words, *method, "-o", "b", "--seed", "1"))[0]["arrays"]
    assert np.abs(arrays(first)["picture"] - arrays(two)["picture"]).max() > 0


def test_steps_rise_until_the_tolerance_holds(call, samples):
    words = (samples / "shapes.keras", samples / "inputs/shapes", "--json", "--picture", "none")
    result = call("saliency", *words, "-m", "integrated-gradients", "--strict")
    assert result.code == 0
    assert all(item["checks"]["completeness"]["gap"] <= 0.01 for item in items(result))


def test_max_steps_ends_refining(call, samples):
    words = (samples / "shapes.keras", samples / "inputs/shapes/00-cross.png", "--json")
    method = "integrated-gradients:max_steps=16"
    (item,) = items(call("saliency", *words, "-m", method, "--tolerance", "0.01"))
    assert item["checks"]["completeness"]["steps"] <= 16
    assert item["checks"]["completeness"]["ok"] is False


def test_as_labels_let_one_method_run_twice(call, linear, tmp_path):
    words = ("-m", "smoothgrad:samples=2", "-m", "smoothgrad:samples=3,as=three", "--json")
    result = call("saliency", *linear, *words)
    assert result.code == 0
    arrays_ = {item["arrays"] for item in items(result)}
    assert arrays_ == {f"inputgrad-out/x.npy.{name}.npz" for name in ("smoothgrad", "three")}
    record = metadata(tmp_path / "inputgrad-out/x.npy.three.npz")
    assert record["method"]["name"] == "smoothgrad"
    assert record["method"]["parameters"]["samples"] == 3
    assert {item["method"] for item in items(result)} == {"smoothgrad"}


def test_grad_cam_with_respect_to_a_layer_is_that_of_the_layer(call, samples, tmp_path):
    picture = samples / "inputs" / "shapes" / "00-cross.png"
    words = ("saliency", samples / "shapes.keras", picture, "--picture", "none")
    layer = "relu6"
    assert call(*words, "-m", f"grad-cam:layer={layer}", "-o", "named").code == 0
    assert call(*words, "-m", "grad-cam", "--wrt", f"layer:{layer}", "-o", "wrt").code == 0
    named, wrt = (
        np.load(tmp_path / out / "00-cross.png.grad-cam.npz")[f"layer:{layer}"]
        for out in ("named", "wrt")
    )
    assert named.shape == (8, 8)
    np.testing.assert_allclose(wrt, named, atol=1e-5 * named.max())

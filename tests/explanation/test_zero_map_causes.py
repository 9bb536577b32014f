"""A map of zeros says which zero it is: cut, a dead way, a saturated output, an input of zeros."""

from dataclasses import dataclass

import numpy as np
import pytest

from inputgrad_cli import api
from inputgrad_cli.explanation.zero_map_causes import explain_zero_maps
from inputgrad_cli.interfaces.method import Method
from inputgrad_cli.methods import methods
from tests.formula_engines import case, linear

SIZE = (8, 8, 3)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Save a model that speaks against everything, a dead one, and a saturated one."""
    import keras
    from keras import layers

    home = tmp_path_factory.mktemp("zeros")

    def save(name, bias, last, ends):
        model = keras.Sequential(
            [
                keras.Input(SIZE, name="x"),
                layers.Conv2D(4, 3, activation="relu", name="conv"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(1, activation=ends),
            ]
        )
        conv, dense = model.layers[0], model.layers[-1]
        conv.kernel.assign(np.full(conv.kernel.shape, 0.1, np.float32))
        conv.bias.assign(np.full(4, bias, np.float32))
        dense.kernel.assign(np.full((4, 1), last, np.float32))
        model.save(home / f"{name}.keras")

    save("against", 0.0, -1.0, None)
    save("dead", -100.0, 1.0, None)
    save("saturated", 0.0, 900.0, "sigmoid")
    return home


LIGHT, DARK = np.full(SIZE, 0.5, np.float32), np.zeros(SIZE, np.float32)


@pytest.mark.parametrize(
    ("model", "method", "x", "space", "words"),
    [
        ("against", "grad-cam", LIGHT, "auto", "grad-cam:relu=false shows"),
        ("against", "score-cam:relu=true", LIGHT, "auto", ""),
        ("against", "layer-cam", LIGHT, "auto", "take -m grad-cam:relu=false"),
        ("against", "guided-backprop", LIGHT, "auto", "take -m gradient"),
        ("dead", "gradient", LIGHT, "auto", "the score does not change here"),
        ("dead", "occlusion", LIGHT, "auto", "the score does not change here"),
        ("dead", "grad-cam", LIGHT, "auto", "gives nothing but zeros"),
        ("saturated", "gradient", LIGHT, "probability", "the output is saturated"),
        ("against", "lrp", DARK, "auto", "the input is zero everywhere, and lrp multiplies"),
        ("against", "input-x-gradient", DARK, "auto", "input-x-gradient multiplies by it"),
        ("against", "blur-integrated-gradients", DARK, "auto", "multiplies by it"),
        ("against", "gradient", DARK, "auto", "the score has no slope there"),
        ("against", "integrated-gradients", DARK, "auto", "the input equals its baseline"),
        ("against", "occlusion", DARK, "auto", "the input equals its baseline"),
    ],
)
def test_a_map_of_zeros_says_which_zero_it_is(home, model, method, x, space, words):
    attribution = api.explain(
        home / f"{model}.keras", {"x": x}, method=method, space=space, baseline="zeros"
    )
    checks = attribution.metadata["checks"]
    if not words:
        assert "zero_because" not in checks, "it is no map of zeros"
        return
    assert checks["zero"]
    assert words in checks["zero_because"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("input-x-gradient", "the input is zero everywhere, and input-x-gradient multiplies by it"),
        ("smoothgrad:of=input-x-gradient", "and smoothgrad multiplies by it"),
        ("vargrad", "vargrad finds nothing in that"),
    ],
)
def test_a_product_with_the_input_is_known_whatever_it_is_called(name, words):
    engine, method = linear([2.0, -1.0, 0.5]), methods.build(name)
    (sentence,) = explain_zero_maps(engine, method, case(engine, np.zeros((1, 3))), None)
    assert words in sentence


def test_a_foreign_product_with_the_input_is_known_by_what_it_says_of_itself():
    @dataclass(frozen=True)
    class Cube(Method):
        name, family, paper = "cube", "gradient", ""
        multiplies_by_input = True

    engine = linear([2.0, -1.0, 0.5])
    (sentence,) = explain_zero_maps(engine, Cube(), case(engine, np.zeros((1, 3))), None)
    assert "the input is zero everywhere, and cube multiplies by it" in sentence


def test_the_advice_about_a_cut_map_is_true(home):
    cut = api.explain(home / "against.keras", {"x": LIGHT}, method="grad-cam")
    whole = api.explain(home / "against.keras", {"x": LIGHT}, method="grad-cam:relu=false")
    assert not any(array.any() for array in cut.values.values())
    assert all((array < 0).all() for array in whole.values.values())


def test_the_sentence_is_told(home, call, tmp_path):
    np.save(tmp_path / "x.npy", LIGHT)
    result = call("saliency", home / "against.keras", "x.npy", "-m", "grad-cam")
    assert result.code == 0
    assert "grad-cam:relu=false shows what speaks against it" in result.err
    assert "does not change" not in result.err

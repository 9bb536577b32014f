"""Searches of a model whose channels come first are those of its twin with channels last."""

import numpy as np
import pytest
from PIL import Image

from tests.cli import arrays, draw, files, items

SIDE = 12


@pytest.fixture
def twins(tmp_path):
    """Save a classifier of 3 classes with either order of axes, and the same weights."""
    import keras
    from keras import layers

    def build(order):
        shape = (3, SIDE, SIDE) if order == "channels_first" else (SIDE, SIDE, 3)
        entry = keras.Input(shape, name="picture")
        x = layers.Rescaling(1 / 255)(entry)
        x = layers.Conv2D(6, 3, activation="tanh", data_format=order)(x)
        x = layers.GlobalAveragePooling2D(data_format=order)(x)
        return keras.Model(entry, layers.Dense(3, activation="softmax", name="out")(x))

    keras.utils.set_random_seed(4)
    last, first = build("channels_last"), build("channels_first")
    first.set_weights([5 * weights for weights in last.get_weights()])
    last.set_weights(first.get_weights())
    first.save(tmp_path / "first.keras")
    last.save(tmp_path / "last.keras")
    for seed in range(3):
        draw(tmp_path / "in" / f"{seed}.png", (SIDE, SIDE), seed=seed)


@pytest.mark.parametrize("goal", ["fgsm:eps=16/255", "deepfool:norm=inf"])
def test_pictures_are_moved_alike_whatever_the_order_of_axes(call, tmp_path, twins, goal):
    """By goals without a random start, which depends on the bytes of the model's input."""
    results = {}
    for order in ("first", "last"):
        result = call("optimize", f"{order}.keras", "in", "--goal", goal, "-o", order, "--json")
        assert result.code == 0, result.err
        results[order] = items(result)
    names = files(tmp_path / "first")
    assert names == files(tmp_path / "last")
    assert len(names) == 9  # arrays, the picture after and the panel of each
    for first, last in zip(results["first"], results["last"], strict=True):
        assert (first["input"], first["search"]) == (last["input"], last["search"])
        assert first["after"]["class"] == last["after"]["class"]
        assert first["after"]["score"] == pytest.approx(last["after"]["score"], abs=1e-3)
    label = goal.partition(":")[0]
    for name in ("0.png", "1.png", "2.png"):
        stored, twin = (arrays(tmp_path / o / f"{name}.{label}.npz") for o in results)
        # The sign of a slope that is all but zero may differ between the two computations.
        moved = [array["picture"].astype(int) for array in (stored, twin)]
        assert moved[0].shape == (SIDE, SIDE, 3)
        assert np.mean(moved[0] != moved[1]) < 0.02
        for order, pixels in zip(results, moved, strict=True):
            path = tmp_path / order / f"{name}.{label}.after.png"
            np.testing.assert_array_equal(np.asarray(Image.open(path).convert("RGB")), pixels)


def test_arrays_of_such_a_model_move_in_its_order(call, tmp_path, twins):
    pixels = np.asarray(Image.open(tmp_path / "in/0.png").convert("RGB"), np.float32)
    np.save(tmp_path / "first.npy", pixels.transpose(2, 0, 1))
    np.save(tmp_path / "last.npy", pixels)
    for order in ("first", "last"):
        words = ("--goal", "fgsm:eps=8", "--preprocess", "raw", "-o", order)
        result = call("optimize", f"{order}.keras", f"{order}.npy", *words)
        assert result.code == 0, result.err
    changes = [
        arrays(tmp_path / order / f"{order}.npy.fgsm.npz")["picture.change"]
        for order in ("first", "last")
    ]
    assert changes[0].shape == (3, SIDE, SIDE)
    assert np.mean(changes[0].transpose(1, 2, 0) != changes[1]) < 0.02
    assert "first.npy.fgsm.panel.png" in files(tmp_path / "first")

"""What a stranger ran into in the first half hour."""

import keras
import numpy as np
import pytest

from inputgrad_cli import api
from tests.cli import draw, items

L = keras.layers


def picture_and_table():
    image, meta = keras.Input((8, 8, 3), name="image"), keras.Input((2,), name="meta")
    seen = L.Flatten()(L.Rescaling(1 / 255.0)(image))
    return keras.Model([image, meta], L.Dense(2)(L.Concatenate()([meta, seen])))


def test_a_rescaling_is_found_behind_one_of_two_inputs(call, tmp_path):
    model = picture_and_table()
    model.save(tmp_path / "m.keras")
    draw(tmp_path / "a.png", (8, 8))
    np.save(tmp_path / "meta.npy", np.ones(2, np.float32))
    words = ("m.keras", "-i", "image=a.png", "-i", "meta=meta.npy", "-t", "unit:1", "--json")
    result = call("saliency", *words)
    assert result.code == 0
    assert not result.events("warning")
    from PIL import Image

    pixels = np.asarray(Image.open(tmp_path / "a.png"), np.float32)[None]
    expected = float(model([pixels, np.ones((1, 2), np.float32)])[0, 1])
    assert items(result)[0]["score"] == pytest.approx(expected, rel=1e-5)


def test_a_check_that_failed_fails_again_though_all_is_done(call, samples):
    words = ("saliency", samples / "shapes.keras", samples / "inputs" / "shapes" / "07-square.png")
    strict = ("-m", "integrated-gradients:steps=8", "--tolerance", "0.05", "--strict")
    assert call(*words, *strict).code == 1
    again = call(*words, *strict)
    assert again.code == 1
    assert not again.out


def test_pictures_that_were_left_out_are_drawn_by_the_next_call(call, samples, tmp_path):
    words = ("saliency", samples / "shapes.keras", samples / "inputs" / "shapes" / "00-cross.png")
    assert call(*words, "--picture", "none").code == 0
    assert call(*words).code == 0
    assert (tmp_path / "inputgrad-out" / "00-cross.png.gradient.png").exists()


def test_labels_of_another_number_are_refused(call, samples, tmp_path):
    (tmp_path / "four.txt").write_text("a\nb\nc\nd\n")
    picture = samples / "inputs" / "shapes" / "00-cross.png"
    result = call("saliency", samples / "shapes.keras", picture, "--labels", "four.txt")
    assert result.code == 2
    assert "4 class names, and 5 classes" in result.err


def test_the_two_classes_of_a_sigmoid_are_told_apart(call, tmp_path):
    model = keras.Sequential([keras.Input((3,), name="x"), L.Dense(1, activation="sigmoid")])
    model.save(tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", np.ones(3, np.float32))
    out = call("saliency", "m.keras", "x.npy", "-t", "class:0", "-t", "class:1").out
    assert "class 0" in out
    assert "class 1" in out


def test_a_failed_row_is_no_changed_input(call, samples, tmp_path):
    rows = (samples / "inputs" / "sequential.csv").read_text().splitlines()
    (tmp_path / "t.csv").write_text("\n".join([*rows, ",".join(["x"] * 10)]))
    words = ("saliency", samples / "sequential.keras", "t.csv")
    assert call(*words).code == 3
    again = call(*words)
    assert again.code == 3
    assert "other options" not in again.err


def test_targets_by_sample_may_be_named_as_the_tool_names_them(call, samples, tmp_path):
    rows = "".join(f"two_heads.npy#{n},kind/class:{n % 3}\n" for n in range(4))
    (tmp_path / "t.csv").write_text("input,target\n" + rows)
    words = (samples / "two_heads.keras", samples / "inputs" / "two_heads.npy")
    result = call("saliency", *words, "-t", "file:t.csv", "--json")
    assert [item["target"]["index"] for item in items(result)] == [[0], [1], [2], [0]]


def test_a_misspelt_layer_has_neighbours(tmp_path):
    layers = [keras.Input((3,)), L.Dense(2, name="hidden_one"), L.Dense(1)]
    keras.Sequential(layers).save(tmp_path / "m.keras")
    opened = api.load(tmp_path / "m.keras")
    with pytest.raises(Exception, match="did you mean 'hidden_one'"):
        api.explain(opened, np.ones(3), wrt="layer:hiden_one")


def test_render_without_a_picture_says_so(call, samples):
    call("saliency", samples / "sequential.keras", samples / "inputs" / "sequential.npy")
    result = call("render", "inputgrad-out")
    assert result.code == 5
    assert "no map of this run can be drawn" in result.err

"""Where a target lies in an image is drawn, and drawn again from the arrays alone."""

import keras
import numpy as np
import pytest
from PIL import Image

from inputgrad_cli import api
from inputgrad_cli.data.pictures.target_region import Region
from inputgrad_cli.rendering.images.target_outline import BRIGHT, DARK, trace_lines
from tests.cli import draw, items, metadata, strict

SIDE, ZOOM = 16, 14  # of the image that the model sees; and the factor that makes 224 of it
SQUARE = np.zeros((SIDE, SIDE), bool)
SQUARE[4:11, 5:12] = True


@pytest.fixture
def folder(tmp_path):
    """Make a directory with a segmentation model of two classes, a picture and a mask."""
    keras.utils.set_random_seed(0)
    image = keras.Input((SIDE, SIDE, 3), name="image")
    maps = keras.layers.Conv2D(2, 3, padding="same", activation="softmax", name="maps")(image)
    keras.Model(image, maps).save(tmp_path / "m.keras")
    draw(tmp_path / "a.png", (40, 40))
    Image.fromarray(SQUARE.astype(np.uint8) * 255).save(tmp_path / "mask.png")
    return tmp_path


def saliency(call, target, *words):
    result = call("saliency", "m.keras", "a.png", "--preprocess", "unit", "-t", target, *words)
    assert result.code == 0, result.err
    return result


def read_pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def check_lines(pixels, region, zoom=ZOOM):
    lines = trace_lines(region).repeat(zoom, 0).repeat(zoom, 1)
    assert (pixels[lines == BRIGHT] == 255).all()
    assert (pixels[lines == DARK] == 0).all()


def test_a_mask_has_its_edge_in_the_picture_even_when_its_file_is_gone(call, folder):
    saliency(call, "mask:mask.png,class=1", "-o", "out")
    (path,) = (folder / "out").glob("*.png")
    first = path.read_bytes()
    check_lines(read_pixels(path), Region((SIDE, SIDE), SQUARE))
    (folder / "mask.png").unlink()
    assert call("render", "out", "--picture", "panel").code == 0
    assert path.read_bytes() != first
    result = call("render", "out", "--picture", "overlay")
    assert (result.code, result.err) == (0, "")
    assert path.read_bytes() == first
    assert call("verify", "out").code == 0


def test_the_class_of_a_mask_has_the_name_that_a_file_of_labels_gives_it(call, folder):
    (folder / "m.labels.txt").write_text("ground\nshape\n")
    (item,) = items(saliency(call, "mask:mask.png,class=shape", "--json", "--picture", "panel"))
    assert item["target"]["label"] == "shape"
    assert item["arrays"].endswith(".mask-mask-class-shape.npz")
    with Image.open(folder / item["picture"]) as picture:
        assert strict(picture.text["inputgrad"])["label"] == "shape"
    (other,) = items(saliency(call, "mask:mask.png,class=1", "--json", "-o", "by-index"))
    assert other["target"]["label"] == "shape"
    assert other["score"] == item["score"]
    line = saliency(call, "mask:mask.png,class=0", "-o", "zero").out
    assert "ground" in line


def test_names_of_another_number_than_the_classes_of_a_pixel_are_refused(call, folder):
    (folder / "three.txt").write_text("a\nb\nc\n")
    words = ("-t", "mask:mask.png,class=1", "--preprocess", "unit", "--labels", "three.txt")
    result = call("saliency", "m.keras", "a.png", *words)
    assert result.code == 2
    assert "3 class names, and 2 classes" in result.err


def test_a_unit_has_a_ring_around_it(call, folder):
    saliency(call, "unit:3,9,1", "-o", "out")
    (path,) = (folder / "out").glob("*.png")
    check_lines(read_pixels(path), Region((SIDE, SIDE), unit=(3.0, 9.0)))
    (arrays,) = (folder / "out").glob("*.npz")
    assert metadata(arrays)["region"] == {"shape": [SIDE, SIDE, 2], "unit": [3, 9, 1]}


def test_the_ring_of_a_unit_of_a_coarse_layer_lies_where_its_cell_does(call, folder):
    image = keras.Input((SIDE, SIDE, 3), name="image")
    coarse = keras.layers.Conv2D(2, 4, strides=4, name="coarse")(image)
    flat = keras.layers.GlobalAveragePooling2D()(coarse)
    keras.Model(image, keras.layers.Dense(2)(flat)).save(folder / "m.keras")
    saliency(call, "layer:coarse/unit:1,2,0", "-o", "out")
    (path,) = (folder / "out").glob("*.png")
    check_lines(read_pixels(path), Region((SIDE, SIDE), unit=(5.5, 9.5)))


def test_other_targets_have_no_region(call, folder):
    saliency(call, "mean", "-o", "out")
    (arrays,) = (folder / "out").glob("*.npz")
    assert "region" not in metadata(arrays)


def test_callers_of_the_python_interface_see_the_same_lines(folder, monkeypatch):
    monkeypatch.chdir(folder)
    model = api.load("m.keras")
    attribution = api.explain(model, "a.png", preprocess="unit", target="mask:mask.png,class=1")
    attribution.save(folder / "mine.npz")
    attribution.save(folder / "mine.png")
    check_lines(read_pixels(folder / "mine.png"), Region((SIDE, SIDE), SQUARE))
    again = api.read(folder / "mine.npz")
    again.save(folder / "again.png")
    check_lines(read_pixels(folder / "again.png"), Region((SIDE, SIDE), SQUARE))

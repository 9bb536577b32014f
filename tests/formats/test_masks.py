"""Masks and label maps as data sets have them."""

import keras
import numpy as np
import pytest
from PIL import Image

from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.formats.images.masks_and_label_maps import read_label_map, read_mask
from tests.cli import items

L = keras.layers
TRUE = np.zeros((12, 12), bool)
TRUE[3:7, 2:9] = True
LABELS = np.where(TRUE, np.arange(12) % 3 + 1, 0)


def palette(values):
    image = Image.fromarray(values.astype(np.uint8), mode="P")
    image.putpalette([0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 9])  # colours that are nearly black
    return image


PICTURES = {
    "0-255.png": lambda: Image.fromarray((TRUE * 255).astype(np.uint8)),
    "0-1.png": lambda: Image.fromarray(TRUE.astype(np.uint8)),
    "bits.png": lambda: Image.fromarray(TRUE),
    "rgb.png": lambda: Image.fromarray((TRUE * 255).astype(np.uint8)).convert("RGB"),
    "red.png": lambda: Image.fromarray(np.stack([TRUE * 255, 0 * TRUE, 0 * TRUE], -1).astype("u1")),
    "labels.png": lambda: Image.fromarray(LABELS.astype(np.uint8)),
    "palette.png": lambda: palette(LABELS),
    "16 bits.png": lambda: Image.fromarray((LABELS * 1000).astype(np.uint16)),
    "mask.jpg": lambda: Image.fromarray((TRUE * 255).astype(np.uint8)),
    "mask.gif": lambda: Image.fromarray((TRUE * 255).astype(np.uint8)),
    "mask.bmp": lambda: Image.fromarray((TRUE * 255).astype(np.uint8)),
    "mask.tif": lambda: Image.fromarray((TRUE * 255).astype(np.uint8)),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_mask_picture_is_true_above_zero(tmp_path, name):
    options = {"quality": 95} if name.endswith("jpg") else {}
    PICTURES[name]().save(tmp_path / name, **options)
    np.testing.assert_array_equal(read_mask(tmp_path / name), TRUE)


@pytest.mark.parametrize("shape", [(12, 12), (12, 12, 1), (1, 12, 12), (1, 12, 12, 1)])
def test_an_array_may_have_axes_of_one(tmp_path, shape):
    np.save(tmp_path / "m.npy", TRUE.reshape(shape).astype(np.float32))
    np.testing.assert_array_equal(read_mask(tmp_path / "m.npy"), TRUE)


def test_a_shaded_picture_is_true_where_it_is_bright(tmp_path):
    shade = np.arange(144, dtype=np.uint8).reshape(12, 12)
    Image.fromarray(shade).save(tmp_path / "s.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "s.png"), shade > 127)


def test_an_empty_mask_is_refused_with_the_rule(tmp_path):
    Image.fromarray(np.arange(100, dtype=np.uint8).reshape(10, 10)).save(tmp_path / "dark.png")
    with pytest.raises(UsageError, match="brighter than half"):
        read_mask(tmp_path / "dark.png")


@pytest.mark.parametrize("name", PICTURES)
def test_a_mask_as_truth_is_0_and_1_and_a_label_map_its_numbers(tmp_path, name):
    PICTURES[name]().save(tmp_path / name)
    mask = read_label_map((tmp_path / name).read_bytes(), name)
    if name == "16 bits.png":
        expected = LABELS * 1000
    elif name in ("labels.png", "palette.png"):
        expected = LABELS
    else:
        expected = TRUE
    np.testing.assert_array_equal(mask, expected)


def test_a_photograph_is_no_truth(tmp_path):
    Image.fromarray(np.arange(144, dtype=np.uint8).reshape(12, 12)).save(tmp_path / "p.png")
    with pytest.raises(ItemError, match="144 values"):
        read_label_map((tmp_path / "p.png").read_bytes(), "p.png")


@pytest.fixture
def segmenter(tmp_path):
    x = keras.Input((12, 12, 3), name="x")
    model = keras.Model(x, L.Conv2D(1, 3, padding="same", activation="sigmoid")(x))
    model.save(tmp_path / "seg.keras")
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (2, 12, 12, 3), dtype=np.uint8)
    for name, picture in zip(("a.png", "b.png"), pixels, strict=True):
        Image.fromarray(picture).save(tmp_path / name)
    return model, pixels / np.float32(255)


def test_masks_as_truth_in_every_form_give_the_loss_of_each_picture(call, tmp_path, segmenter):
    model, pixels = segmenter
    PICTURES["0-255.png"]().save(tmp_path / "m.png")
    Image.fromarray((~TRUE).astype(np.uint8)).save(tmp_path / "other.png")
    np.save(tmp_path / "whole.npy", TRUE[np.newaxis, ..., np.newaxis].astype(np.float32))
    np.save(tmp_path / "one.npy", TRUE[..., np.newaxis].astype(np.float32))
    (tmp_path / "t.csv").write_text("input,value\nb.png,other.png\na.png,m.png\n")
    (tmp_path / "t.txt").write_text("m.png\nother.png\n")

    def loss(row, mask):
        y = np.asarray(model(pixels[row : row + 1]))[0, ..., 0]
        return float(-np.mean(np.where(mask, np.log(y), np.log(1 - y))))

    words = (
        "-t",
        "loss:binary_crossentropy",
        "--preprocess",
        "unit",
        "--json",
        "--picture",
        "none",
    )
    for truth in ("m.png", "whole.npy", "one.npy"):
        result = call("saliency", "seg.keras", "a.png", *words, "--truth", truth, "-o", truth[:3])
        assert result.code == 0, result.err
        assert items(result)[0]["score"] == pytest.approx(loss(0, TRUE), rel=1e-4)
    for truth in ("t.csv", "t.txt"):
        result = call(
            "saliency", "seg.keras", "a.png", "b.png", *words, "--truth", truth, "-o", truth[2:]
        )
        assert result.code == 0, result.err
        scores = [item["score"] for item in items(result)]
        assert scores == pytest.approx([loss(0, TRUE), loss(1, ~TRUE)], rel=1e-4)


def test_a_photograph_as_truth_is_refused_in_a_sentence(call, tmp_path, segmenter):
    words = ("-t", "loss:binary_crossentropy", "--truth", "b.png")
    result = call("saliency", "seg.keras", "a.png", *words)
    assert result.code == 2
    assert "label map" in result.err


@pytest.mark.parametrize("name", ["none.png", "text.png"])
def test_a_mask_that_cannot_be_read_is_named_once(tmp_path, name):
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(UsageError) as error:
        read_mask(tmp_path / name)
    sentence = error.value.format_line()
    assert sentence.count(name) == 1
    assert sentence.count("cannot be read") == 1

"""How picture files become what the model takes: compared with arrays made by Pillow."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from . import arrays, draw, items, metadata

CAFFE = np.array([103.939, 116.779, 123.68], "float32")
TORCH = np.array([0.485, 0.456, 0.406], "float32"), np.array([0.229, 0.224, 0.225], "float32")


def pixels(path, mode="RGB"):
    """Return a picture as Pillow reads it."""
    with Image.open(path) as picture:
        return picture.convert(mode)


@pytest.fixture
def same(call, samples, tmp_path):
    """Assert that a picture and an array are one and the same to the model."""

    def same(picture, values, *words):
        expected = np.asarray(values, "float32")
        np.save(tmp_path / "expected.npy", expected)
        np.save(tmp_path / "nudged.npy", expected * np.float32(1 + 2e-7))
        words = ("-t", "class:1", "-m", "input-x-gradient", "--picture", "none", *words)
        result = call("saliency", samples / "shapes.keras", picture, "-o", "one", *words, "--json")
        assert result.code == 0, result.out
        files = ("expected.npy", "nudged.npy")
        call("saliency", samples / "shapes.keras", *files, "-o", "two", *words)
        path = next((tmp_path / "one").glob("*.npz"))
        two = next((tmp_path / "two").glob("expected*.npz"))
        of_picture, expected = arrays(path)["picture"], arrays(two)["picture"]
        largest = np.abs(expected).max()
        assert largest > 0
        assert metadata(path)["score"] == pytest.approx(metadata(two)["score"], rel=1e-4)
        # What lies behind a kink moves by far more than rounding, as nudged inputs tell.
        nudged = arrays(next((tmp_path / "two").glob("nudged*.npz")))["picture"]
        steady = np.abs(nudged - expected) <= 1e-5 * largest
        assert steady.mean() > 0.2
        assert np.abs(of_picture - expected)[steady].max() <= 1e-4 * largest
        return metadata(path)

    return same


def test_a_colour_picture_is_raw_pixels(same, tmp_path):
    record = same(draw(tmp_path / "a.png"), pixels(tmp_path / "a.png"))
    assert record["preprocess"]["picture"]["name"] == "raw"
    assert "Rescaling" in record["preprocess"]["picture"]["source"]


@pytest.mark.parametrize("name", ["a.bmp", "a.jpg", "a.jpeg", "a.gif", "a.webp", "a.tif", "a.TIFF"])
def test_every_picture_suffix_is_read(same, tmp_path, name):
    draw(tmp_path / name)
    same(name, pixels(tmp_path / name))


@pytest.mark.parametrize("name", ["A.PNG", "A.JpG", "A.Bmp"])
def test_the_suffix_is_matched_without_case(call, samples, tmp_path, name):
    draw(tmp_path / "in" / name)
    result = call("saliency", samples / "shapes.keras", "in", "--json")
    assert [item["input"] for item in items(result)] == [name]


@pytest.mark.parametrize("mode", ["L", "P", "1"])
def test_grey_palette_and_bit_pictures_become_colour(same, tmp_path, mode):
    draw(tmp_path / "a.png", mode=mode)
    same("a.png", pixels(tmp_path / "a.png"))


def test_cmyk_becomes_colour(call, samples, tmp_path):
    draw(tmp_path / "a.jpg", mode="CMYK")
    assert call("saliency", samples / "shapes.keras", "a.jpg").code == 0


def test_full_alpha_changes_nothing(same, tmp_path):
    draw(tmp_path / "a.png", mode="RGBA")
    same("a.png", pixels(tmp_path / "a.png"))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_a_colour_hidden_under_alpha_is_not_seen(call, samples, tmp_path, mode):
    for name, seed in (("a", 1), ("b", 2)):
        picture = pixels(draw(tmp_path / f"{name}.png", seed=seed), mode)
        picture.putalpha(0)
        picture.save(tmp_path / f"{name}.png")
    call("saliency", samples / "shapes.keras", "a.png", "b.png", "--picture", "none")
    first, two = (arrays(tmp_path / f"inputgrad-out/{n}.png.gradient.npz") for n in "ab")
    largest = np.abs(first["picture"]).max()  # two rows of a batch may round differently
    np.testing.assert_allclose(first["picture"], two["picture"], rtol=0, atol=1e-5 * largest)


@pytest.mark.parametrize("turn", range(2, 9))
def test_a_turned_photograph_is_turned_back(same, tmp_path, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    draw(tmp_path / "a.jpg", exif=exif)
    with Image.open(tmp_path / "a.jpg") as picture:
        same("a.jpg", ImageOps.exif_transpose(picture))


@pytest.mark.parametrize("size", [(128, 96), (50, 40), (64, 65)])
def test_stretch_is_pillows_bilinear(same, tmp_path, size):
    draw(tmp_path / "a.png", size=size)
    record = same("a.png", pixels(tmp_path / "a.png").resize((64, 64), Image.Resampling.BILINEAR))
    assert record["resize"] == {"how": "stretch", "interp": "bilinear"}


@pytest.mark.parametrize("interp", ["nearest", "bicubic", "lanczos", "box"])
def test_each_filter_is_pillows(same, tmp_path, interp):
    draw(tmp_path / "a.png", size=(100, 90))
    filter_ = Image.Resampling[interp.upper()]
    same("a.png", pixels(tmp_path / "a.png").resize((64, 64), filter_), "--interp", interp)


def test_crop_takes_the_middle(same, tmp_path):
    draw(tmp_path / "a.png", size=(128, 64))
    same("a.png", pixels(tmp_path / "a.png").crop((32, 0, 96, 64)), "--resize", "crop")


def test_pad_keeps_the_whole_picture_and_its_shape(same, tmp_path):
    draw(tmp_path / "a.png", size=(64, 32))
    whole = Image.new("RGB", (64, 64))
    whole.paste(pixels(tmp_path / "a.png"), (0, 16))
    same("a.png", whole, "--resize", "pad")


def test_none_takes_the_models_size_alone(call, samples, tmp_path):
    draw(tmp_path / "in/fits.png")
    draw(tmp_path / "in/large.png", size=(65, 64))
    words = (samples / "shapes.keras", "in", "--resize", "none", "--json")
    result = call("saliency", *words)
    assert result.code == 3
    statuses = {item["input"]: item["status"] for item in items(result)}
    assert statuses == {"fits.png": "ok", "large.png": "failed"}
    (failed,) = [item for item in items(result) if item["status"] == "failed"]
    assert "--resize" in failed["error"]["message"]


def choices(seen):
    yield "raw", seen
    yield "unit", seen / 255
    yield "tf", seen / 127.5 - 1
    yield "caffe", seen[..., ::-1] - CAFFE
    yield "torch", (seen / 255 - TORCH[0]) / TORCH[1]
    yield "mean=0.5;0.4;0.3,std=0.2;0.2;0.1", (seen / 255 - [0.5, 0.4, 0.3]) / [0.2, 0.2, 0.1]


@pytest.mark.parametrize("index", range(6))
def test_preprocess_choices(same, tmp_path, index):
    draw(tmp_path / "a.png")
    seen = np.asarray(pixels(tmp_path / "a.png"), "float32")
    name, values = list(choices(seen))[index]
    same("a.png", values, "--preprocess", name)


def test_a_model_of_no_known_preprocessing_warns_and_takes_unit(call, tmp_path):
    import keras

    layers = [keras.Input((64, 64, 3), name="x"), keras.layers.Flatten(), keras.layers.Dense(2)]
    keras.Sequential(layers).save(tmp_path / "bare.keras")
    draw(tmp_path / "a.png")
    result = call("saliency", "bare.keras", "a.png")
    assert result.code == 0
    assert "--preprocess" in result.err
    record = metadata(tmp_path / "inputgrad-out/a.png.gradient.npz")
    assert record["preprocess"]["x"]["name"] == "unit"


def test_a_grey_model_takes_a_grey_and_a_colour_picture(call, tmp_path):
    import keras

    layers = [keras.Input((8, 8, 1), name="x"), keras.layers.Flatten(), keras.layers.Dense(2)]
    keras.Sequential(layers).save(tmp_path / "grey.keras")
    draw(tmp_path / "a.png", mode="L", size=(8, 8))
    draw(tmp_path / "b.png", size=(8, 8))
    result = call("saliency", "grey.keras", "a.png", "b.png", "--json", "--preprocess", "unit")
    assert {item["input"]: item["status"] for item in items(result)}["a.png"] == "ok"
    assert arrays(tmp_path / "inputgrad-out/a.png.gradient.npz")["x"].shape == (8, 8, 1)
    assert (tmp_path / "inputgrad-out/a.png.gradient.png").exists()

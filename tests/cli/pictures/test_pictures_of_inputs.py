"""A map is drawn over the input that its layer sees, and every picture input has its picture."""

import numpy as np
import pytest
from PIL import Image

from tests.cli import files, items, journal, strict

SIDES = ("front", "side")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Return a model of two views; `both` sees the two, the towers one each."""
    import keras
    from keras import layers

    def conv(name):
        return layers.Conv2D(1, 1, use_bias=False, kernel_initializer="ones", name=name)

    front, side = (keras.Input((32, 32, 1), name=name) for name in SIDES)
    left, right = conv("conv_front")(front), conv("conv_side")(side)
    both = conv("both")(layers.Concatenate()([left, right]))
    pooled = [layers.GlobalAveragePooling2D()(x) for x in (left, right, both)]
    path = tmp_path_factory.mktemp("views") / "two.keras"
    keras.Model([front, side], layers.Add(name="sum")(pooled)).save(path)
    return path


@pytest.fixture
def views(tmp_path):
    """Save a square high up on the left, and another low down on the right."""
    front = np.zeros((32, 32), np.uint8)
    front[4:12, 4:12] = 255
    Image.fromarray(front).save(tmp_path / "front.png")
    Image.fromarray(front[::-1, ::-1]).save(tmp_path / "side.png")
    return "-i", "front=front.png", "-i", "side=side.png", "--preprocess", "unit", "-o", "out"


def read_record(path):
    with Image.open(path) as picture:
        return strict(picture.text["inputgrad"])


def grey(path):
    """Return what lies below a picture drawn with `--alpha 0`."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"))


@pytest.mark.parametrize("layer", SIDES)
def test_the_map_of_a_layer_lies_over_what_the_layer_sees(call, model, views, tmp_path, layer):
    words = ("-m", f"grad-cam:layer=conv_{layer}", "--alpha", "0", "--zoom", "1")
    assert call("saliency", model, *views, *words).code == 0
    picture = tmp_path / "out/front.png.grad-cam.png"
    assert read_record(picture)["over"] == layer
    with Image.open(tmp_path / f"{layer}.png") as seen:
        np.testing.assert_allclose(grey(picture), np.asarray(seen), atol=1)


def test_the_map_of_a_layer_that_sees_several_lies_over_none(call, model, views, tmp_path):
    assert call("saliency", model, *views, "-m", "grad-cam:layer=both", "--alpha", "0").code == 0
    picture = tmp_path / "out/front.png.grad-cam.png"
    assert read_record(picture)["over"] is None
    with Image.open(picture) as shown:
        colours = np.asarray(shown).reshape(-1, 3)
    assert (colours.min(axis=1) != colours.max(axis=1)).any(), "a heatmap, and no grey picture"


def test_every_picture_input_has_a_picture(call, model, views, tmp_path):
    result = call("saliency", model, *views, "--json")
    names = [f"front.png.gradient.{side}.png" for side in SIDES]
    assert files(tmp_path / "out") == {"front.png.gradient.npz", *names}
    assert [read_record(tmp_path / "out" / name)["over"] for name in names] == list(SIDES)
    (item,) = items(result)
    assert item["pictures"] == [f"out/{name}" for name in names]
    assert item["picture"] == item["pictures"][0]
    again = call("saliency", model, *views, "-n")
    assert sorted(line.split(" -> ")[1] for line in again.out.splitlines()[:-1]) == sorted(
        f"out/{name}" for name in ("front.png.gradient.npz", *names)
    )


def test_one_input_asked_about_has_the_picture_without_its_name(call, model, views, tmp_path):
    call("saliency", model, *views)
    assert call("saliency", model, *views, "--wrt", "side").code == 0
    assert files(tmp_path / "out") == {"front.png.gradient.npz", "front.png.gradient.png"}
    assert read_record(tmp_path / "out/front.png.gradient.png")["over"] == "side"


def test_pictures_of_inputs_are_known_to_verify_render_and_resume(call, model, views, tmp_path):
    call("saliency", model, *views)
    names = {f"front.png.gradient.{side}.png" for side in SIDES}
    before = {name: (tmp_path / "out" / name).read_bytes() for name in names}
    assert call("verify", "out").code == 0
    for name in names:
        (tmp_path / "out" / name).unlink()
    assert call("verify", "out").code == 1
    assert call("render", "out").code == 0
    (tmp_path / "out/front.png.gradient.side.png").unlink()
    assert items(call("saliency", model, *views, "--json"))[0]["status"] == "skipped"
    assert {name: (tmp_path / "out" / name).read_bytes() for name in names} == before
    assert call("verify", "out").code == 0
    paths = {file["path"] for file in journal(tmp_path / "out")[-1]["files"]}
    assert paths == names | {"front.png.gradient.npz"}


def test_pictures_of_many_samples_have_names_of_their_own(call, model, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "m.npz", **{s: rng.random((2, 32, 32, 1), np.float32) for s in SIDES})
    assert call("saliency", model, "m.npz", "-o", "out").code == 0
    names = {f"m.npz.gradient.{side}.{row}.png" for side in SIDES for row in range(2)}
    assert files(tmp_path / "out") == names | {"m.npz.gradient.npz"}


def test_names_of_pictures_are_kept_apart_and_fit_a_file_system():
    from inputgrad_cli.storage.map_file_names import MapFiles

    assert MapFiles("a").list_pictures(None, ["x"]) == [["a.png"]]
    assert MapFiles("a").list_pictures(11, ["x"])[3] == ["a.03.png"]
    assert MapFiles("d/a").list_pictures(None, ["x", "y"]) == [["d/a.x.png", "d/a.y.png"]]
    (names,) = MapFiles("a").list_pictures(None, ["x/a", "x-a", "X:A", "日本", "/"])
    assert len({name.casefold() for name in names}) == 5
    assert not any("/" in name or ":" in name for name in names)
    for stem in ("é" * 122, "a" * 244):
        rows = MapFiles(f"d/{stem}").list_pictures(1000, ["x" * 200, "x" * 199])
        every = [name for row in rows for name in row]
        assert len(set(every)) == 2000
        assert all(len(name.removeprefix("d/").encode()) <= 255 for name in every)

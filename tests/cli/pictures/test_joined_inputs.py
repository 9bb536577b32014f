"""All inputs of a model in one picture, by `--picture inputs`."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

from inputgrad_cli.rendering import joined_inputs_picture
from tests.cli import arrays, files, items, strict
from tests.report.pages import Page


@pytest.fixture
def folder(tmp_path):
    """Make a directory with a model of an image, a vector and an input that nothing uses."""
    keras.utils.set_random_seed(0)
    image, row = keras.Input((8, 8, 3), name="image"), keras.Input((4,), name="row")
    spare = keras.Input((3,), name="spare")
    seen = keras.layers.Dense(4, activation="relu")(keras.layers.Flatten()(image))
    joined = keras.layers.Concatenate()([seen, row, spare * 0.0])
    keras.Model([image, row, spare], keras.layers.Dense(1)(joined)).save(tmp_path / "m.keras")
    rng = np.random.default_rng(0)
    sample = {"image": rng.random((8, 8, 3)), "row": rng.random(4), "spare": rng.random(3)}
    np.savez(tmp_path / "a.npz", **{name: value.astype("f4") for name, value in sample.items()})
    return tmp_path


def saliency(call, *words, out="out"):
    result = call("saliency", "m.keras", "a.npz", "-o", out, "--json", *words)
    assert result.code == 0, result.err
    return items(result)[0]


def read_parts(path):
    with Image.open(path) as picture:
        return strict(picture.text["inputgrad"])["parts"]


def test_one_picture_has_all_inputs_with_their_shares(call, folder):
    planned = call(
        "saliency", "m.keras", "a.npz", "-n", "-m", "input-x-gradient", "--picture", "inputs"
    ).out
    item = saliency(call, "-m", "input-x-gradient", "--picture", "inputs")
    name = "a.npz.input-x-gradient"
    assert files(folder / "out") == {f"{name}.png", f"{name}.npz"}
    assert item["picture"] == f"out/{name}.png"
    assert f"{name}.png" in planned
    assert f"{name}.image.png" not in planned
    parts = read_parts(folder / item["picture"])
    # All columns of a row stand in one picture, as they do where each input has its own.
    assert [part["name"] for part in parts] == ["image", "row, spare"]
    values = arrays(folder / item["arrays"])
    total = sum(np.abs(array).sum() for array in values.values())
    share = np.abs(values["image"]).sum() / total
    assert 0 < share < 1
    assert [part["share"] for part in parts] == pytest.approx([share, 1 - share], rel=1e-5)


def test_gradients_have_no_shares_because_their_units_differ(call, folder):
    item = saliency(call, "--picture", "inputs")
    assert all(part["share"] is None for part in read_parts(folder / item["picture"]))


def test_an_input_that_the_target_does_not_depend_on_has_no_part(call, folder):
    image, row = keras.Input((8, 8, 3), name="image"), keras.Input((4,), name="row")
    outputs = [keras.layers.Dense(1, name="a")(row)]
    outputs += [keras.layers.Dense(1, name="b")(keras.layers.Flatten()(image))]
    keras.Model([image, row], outputs).save(folder / "m.keras")
    item = saliency(call, "-t", "b/auto", "--picture", "inputs", "-m", "input-x-gradient")
    parts = {part["name"]: part for part in read_parts(folder / item["picture"])}
    assert parts["row"]["note"] == "disconnected"
    assert parts["image"]["share"] == 1.0


def test_render_draws_it_again_and_takes_it_apart(call, folder):
    saliency(call, "-m", "input-x-gradient", "--picture", "inputs")
    path = folder / "out/a.npz.input-x-gradient.png"
    first = path.read_bytes()
    assert call("render", "out", "--picture", "overlay").code == 0
    pictures = {name for name in files(folder / "out") if name.endswith(".png")}
    assert pictures == {f"a.npz.input-x-gradient.{name}.png" for name in ("image", "row")}
    assert call("render", "out", "--picture", "inputs").code == 0
    assert {name for name in files(folder / "out") if name.endswith(".png")} == {path.name}
    assert path.read_bytes() == first
    assert call("verify", "out").code == 0
    (folder / "a.npz").unlink()
    result = call("render", "out")
    assert result.code == 0
    assert "its input is gone" in result.err
    assert path.read_bytes() != first, "the image is not below its map"
    assert call("report", "out").code == 0


def test_a_report_shows_the_inputs_in_one_card_and_all_of_them_in_the_large_view(call, folder):
    item = saliency(call, "-m", "input-x-gradient", "--picture", "inputs")
    assert call("report", "out").code == 0
    page = Page((folder / "out/report.html").read_bytes())
    assert page.index["columns"] == ["input-x-gradient", "input-x-gradient at image"]
    assert page.index["file"] == ["", item["picture"].removeprefix("out/")]
    bars, small = page.read_cell(0), page.read_cell(1)
    assert bars["kind"] == "bars"
    with Image.open(io.BytesIO(small)) as alone, Image.open(folder / item["picture"]) as all_inputs:
        assert alone.width == alone.height, "the image by itself"
        assert all_inputs.width != all_inputs.height


def test_a_second_call_draws_nothing_new(call, folder):
    saliency(call, "--picture", "inputs")
    before = {path: path.stat().st_mtime_ns for path in (folder / "out").glob("*.png")}
    assert saliency(call, "--picture", "inputs")["status"] == "skipped"
    assert {path: path.stat().st_mtime_ns for path in before} == before


def save_classes(path):
    """Save a model of an image and a vector with three classes."""
    image, row = keras.Input((8, 8, 3), name="image"), keras.Input((4,), name="row")
    joined = keras.layers.Concatenate()([keras.layers.Flatten()(image), row])
    keras.Model([image, row], keras.layers.Dense(3)(joined)).save(path)


def test_each_input_has_one_scale_for_the_top_classes(call, folder, monkeypatch):
    save_classes(folder / "m.keras")
    noted, draw_part = {}, joined_inputs_picture._draw_part

    def note(part, style):
        drawn = draw_part(part, style)
        noted.setdefault(part.name, []).append(drawn[1].limit)
        return drawn

    monkeypatch.setattr(joined_inputs_picture, "_draw_part", note)
    saliency(call, "-t", "top:2", "-m", "input-x-gradient", "--clip", "100", "--picture", "inputs")
    maps = [arrays(folder / f"out/a.npz.input-x-gradient.top{rank}.npz") for rank in (1, 2)]
    ends = {
        "image": max(float(np.abs(each["image"].sum(-1)).max()) for each in maps),
        "row": max(float(np.abs(each["row"]).max()) for each in maps),
    }
    assert noted == {name: [pytest.approx(end, rel=1e-6)] * 2 for name, end in ends.items()}
    assert call("render", "out").code == 0
    assert noted == {name: [pytest.approx(end, rel=1e-6)] * 4 for name, end in ends.items()}


@pytest.mark.parametrize("kind", ["all", "one"])
def test_what_cannot_be_joined_is_drawn_as_usual(call, folder, kind):
    if kind == "all":
        save_classes(folder / "m.keras")
        words = ("-t", "all")
    else:
        words = ("--wrt", "image")
    usual = saliency(call, *words, out="usual")
    joined = saliency(call, *words, "--picture", "inputs")
    assert joined["picture"] == usual["picture"].replace("usual/", "out/")

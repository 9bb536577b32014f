"""The pictures of a run, and drawing them again."""

import io
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.cli import draw, files, strict


@pytest.fixture
def shapes(samples):
    return samples / "shapes.keras"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "inputgrad-out"


def drawn(out, name="a.png.gradient.png"):
    with Image.open(out / name) as picture:
        picture.load()
        return picture


@pytest.mark.parametrize("kind", ["overlay", "heatmap"])
def test_a_picture_is_enlarged_by_a_whole_factor(call, shapes, tmp_path, out, kind):
    draw(tmp_path / "a.png")
    call("saliency", shapes, "a.png", "--picture", kind)
    assert drawn(out).size == (256, 256)


def test_zoom_1_leaves_the_size(call, shapes, tmp_path, out):
    draw(tmp_path / "a.png")
    call("saliency", shapes, "a.png", "--zoom", "1")
    assert drawn(out).size == (64, 64)
    call("saliency", shapes, "a.png", "--zoom", "3", "-o", "three")
    assert drawn(tmp_path / "three").size == (192, 192)


def test_picture_none_draws_none(call, shapes, tmp_path, out):
    draw(tmp_path / "a.png")
    result = call("saliency", shapes, "a.png", "--picture", "none", "--json")
    assert files(out) == {"a.png.gradient.npz"}
    assert result.events("item")[0]["picture"] is None


def test_a_picture_tells_its_method_target_and_scale(call, shapes, tmp_path, out):
    draw(tmp_path / "a.png")
    call("saliency", shapes, "a.png", "-m", "smoothgrad:samples=2", "-t", "class:1")
    text = drawn(out, "a.png.smoothgrad.class1.png").text
    assert list(text) == ["inputgrad"]
    record = strict(text["inputgrad"])
    assert {"method", "target", "scale"} <= set(record)
    assert "smoothgrad" in str(record["method"])


def test_kinds_differ(call, shapes, tmp_path):
    draw(tmp_path / "a.png")
    seen = set()
    for kind in ("overlay", "heatmap", "panel"):
        assert call("saliency", shapes, "a.png", "--picture", kind, "-o", kind).code == 0
        seen.add((tmp_path / kind / "a.png.gradient.png").read_bytes())
    assert len(seen) == 3


@pytest.mark.parametrize(
    "option",
    [
        ["--cmap", "magma"],
        ["--reduce", "sum"],
        ["--reduce", "l2"],
        ["--reduce", "mean-abs"],
        ["--reduce", "positive"],
        ["--reduce", "negative"],
        ["--clip", "60"],
        ["--alpha", "0.9"],
    ],
)
def test_a_drawing_option_changes_the_picture_and_not_the_arrays(call, shapes, tmp_path, option):
    draw(tmp_path / "a.png")
    call("saliency", shapes, "a.png", "-o", "one")
    assert call("saliency", shapes, "a.png", "-o", "two", *option).code == 0
    first, two = tmp_path / "one", tmp_path / "two"
    name = "a.png.gradient"
    assert (first / f"{name}.npz").read_bytes() == (two / f"{name}.npz").read_bytes()
    assert (first / f"{name}.png").read_bytes() != (two / f"{name}.png").read_bytes()


def test_alpha_0_shows_what_the_model_saw(call, shapes, tmp_path, out):
    draw(tmp_path / "a.png")
    call("saliency", shapes, "a.png", "--alpha", "0", "--zoom", "1")
    shown = np.asarray(drawn(out).convert("L"), int)
    with Image.open(tmp_path / "a.png") as picture:
        seen = np.asarray(picture.convert("L"), int)
    assert np.abs(shown - seen).max() <= 2


def test_scale_run_gives_every_picture_one_scale(call, shapes, samples, tmp_path, out):
    call("saliency", shapes, samples / "inputs/shapes", "--scale", "run")
    scales = {
        str(strict(drawn(out, path.name).text["inputgrad"])["scale"]) for path in out.glob("*.png")
    }
    assert len(scales) == 1
    call("saliency", shapes, samples / "inputs/shapes", "-o", "item")
    scales = {
        str(strict(drawn(tmp_path / "item", path.name).text["inputgrad"])["scale"])
        for path in (tmp_path / "item").glob("*.png")
    }
    assert len(scales) == 12


def test_an_image_shaped_array_gets_a_picture(call, shapes, tmp_path, out):
    np.save(tmp_path / "x.npy", np.full((64, 64, 3), 100, "float32"))
    call("saliency", shapes, "x.npy")
    assert drawn(out, "x.npy.gradient.png").size == (256, 256)


def test_texts_of_all_classes_get_none_and_that_is_said_once(call, samples, out):
    words = ("saliency", samples / "reviews.keras", samples / "inputs/review.txt")
    result = call(*words, "-t", "all")
    assert result.err.count("\n") == 1
    assert "no kind of picture" in result.err
    assert not list(out.glob("*.png"))


@pytest.fixture
def run(call, samples, tmp_path):
    """Hold a run whose model is gone."""
    shutil.copy(samples / "shapes.keras", tmp_path / "m.keras")
    draw(tmp_path / "in/a.png")
    draw(tmp_path / "in/b.png", seed=1)
    words = ("-m", "gradient", "-m", "integrated-gradients", "-t", "top:2")
    assert call("saliency", "m.keras", "in", *words).code == 0
    (tmp_path / "m.keras").unlink()
    return tmp_path / "inputgrad-out"


def contents(out, suffix):
    return {path.name: path.read_bytes() for path in out.glob(f"*.{suffix}")}


def test_render_draws_the_same_bytes_as_the_run(call, run):
    before = contents(run, "png")
    assert len(before) == 8
    for path in run.glob("*.png"):
        path.unlink()
    assert call("render", run).code == 0
    assert contents(run, "png") == before


def test_render_needs_neither_model_nor_input(call, run, tmp_path):
    arrays = contents(run, "npz")
    shutil.rmtree(tmp_path / "in")
    result = call("render", run)
    assert result.code == 0
    assert "Traceback" not in result.err
    assert contents(run, "npz") == arrays


def test_render_works_from_another_directory(call, run, tmp_path, monkeypatch):
    before = contents(run, "png")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert call("render", "../inputgrad-out").code == 0
    assert contents(run, "png") == before


@pytest.mark.parametrize("kind", ["heatmap", "panel"])
def test_render_draws_other_kinds(call, run, kind):
    before = contents(run, "png")
    assert call("render", run, "--picture", kind).code == 0
    after = contents(run, "png")
    assert set(after) == set(before)
    assert all(after[name] != before[name] for name in before)
    assert all(Image.open(io.BytesIO(data)).format == "PNG" for data in after.values())


def test_what_render_drew_is_not_computed_again_by_the_next_call(call, run, samples):
    call("render", run, "--picture", "heatmap")
    shutil.copy(samples / "shapes.keras", "m.keras")
    result = call("saliency", "m.keras", "in", "-t", "top:2", "--json")
    assert result.code == 0
    assert {item["status"] for item in result.events("item")} == {"skipped"}


def test_render_of_no_run_is_a_plain_mistake(call, tmp_path):
    for words in (["nowhere"], ["."]):
        result = call("render", *words)
        assert result.code in (2, 5)
        assert "Traceback" not in result.err


def test_render_json_is_one_object(call, run):
    result = call("render", run, "--json")
    assert len(result.out.splitlines()) == 1
    assert isinstance(strict(result.out), dict)


def test_render_tells_of_a_damaged_result(call, run):
    (run / "a.png.gradient.top1.npz").write_bytes(b"damaged")
    result = call("render", run)
    assert result.code in (1, 3)
    assert "a.png.gradient.top1.npz" in result.err
    assert "Traceback" not in result.err


def test_render_without_a_picture_says_so(call, samples):
    words = ("saliency", samples / "reviews.keras", samples / "inputs" / "review.txt")
    call(*words, "-t", "all")
    result = call("render", "inputgrad-out")
    assert result.code == 5
    assert "no map of this run can be drawn" in result.err


def test_render_draws_what_saliency_would_and_is_believed(call, samples, tmp_path):
    array = np.random.default_rng(0).uniform(0, 255, (3, 64, 64, 3)).astype("f4")
    array[1, 0, 0, 0] = np.nan
    np.save(tmp_path / "many.npy", array)
    draw(tmp_path / "a.png")
    words = ("saliency", samples / "shapes.keras", "many.npy", "a.png")
    assert call(*words, "--picture", "none").code == 3
    assert call("render", "inputgrad-out").code == 0
    drawn = sorted(path.name for path in (tmp_path / "inputgrad-out").glob("*.png"))
    assert drawn == [
        "a.png.gradient.png",
        "many.npy.gradient.0.png",
        "many.npy.gradient.2.png",
    ]
    again = call(*words, "--json")
    assert "undrawn" not in {warning["code"] for warning in again.events("warning")}


def test_a_picture_kind_that_is_not_there_yet_is_said_once(call, samples, tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("a wonderful film")
    words = ("saliency", samples / "reviews.keras", "a.txt", "b.txt", "-t", "all")
    done = call(*words, "-m", "gradient", "-m", "input-x-gradient", "-o", "a")
    assert done.err.count("no kind of picture") == 1
    quiet = ((("-q",), "b"), (("--picture", "none"), "c"), (("--json",), "d"))
    for more, out in quiet:
        assert "no kind of picture" not in call(*words, *more, "-o", out).err


def test_where_pictures_are_drawn_nothing_is_said_of_kinds(call, samples, tmp_path):
    draw(tmp_path / "a.png")
    assert call("saliency", samples / "shapes.keras", "a.png", "-m", "grad-cam").err == ""

"""A kind of picture that other code registers is drawn like those of the package."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli import api
from inputgrad_cli.cli.options.picture_kinds import read_picture_kinds
from inputgrad_cli.data.pictures.drawing import Drawing
from inputgrad_cli.data.pictures.map_source import MapLayout
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.picture import Picture, choose_picture
from inputgrad_cli.rendering import pictures
from inputgrad_cli.rendering.fast_png_encoding import encode_png
from inputgrad_cli.rendering.images.image_picture_base import ImageMap
from inputgrad_cli.rendering.tabular.bars import WIDTH

BAR_HEIGHT = 10
IMAGES = ImageMap.subjects


@pytest.fixture
def bars(monkeypatch):
    """Register a kind for vectors in place of ours: a white column for each value, as its share."""
    kinds = {name: cls for name, cls in pictures._classes.items() if cls.subjects == IMAGES}
    monkeypatch.setattr(pictures, "_classes", kinds)

    @pictures.register
    @dataclass(frozen=True)
    class Bars(Picture):
        name = "bars"
        help = "a bar for each value"
        subjects = "vectors"

        def supports(self, layout):
            return len(layout.shape) == 1

        def draw(self, sources, style):
            return [self.draw_one(source, style) for source in sources]

        def draw_one(self, source, style):
            limit = style.limit or self.find_scale(source, style).limit
            pixels = columns(source.values, limit)
            text = json.dumps({"kind": self.name, "method": source.caption.method})
            return Drawing(encode_png(pixels, "inputgrad", text), Scale(limit, True), False)

    return Bars


def columns(values, limit):
    """Return white columns from below, each as high as the share of a value in the limit."""
    heights = np.rint(np.abs(values) / (limit or 1) * BAR_HEIGHT).astype(int)
    white = np.arange(BAR_HEIGHT)[::-1, np.newaxis] < heights
    return np.repeat(np.where(white, 255, 0).astype(np.uint8)[..., np.newaxis], 3, axis=-1)


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def contents(out):
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.png"))}


@pytest.fixture
def vectors(bars, call, samples, tmp_path):
    """Return a call of saliency on vectors, and its output directory."""
    words = ("saliency", samples / "sequential.keras", samples / "inputs" / "sequential.npy")
    return lambda *more: call(*words, *more), tmp_path / "inputgrad-out"


@pytest.mark.parametrize("kind", [(), ("--picture", "bars"), ("--picture", "panel")])
def test_saliency_draws_it_whichever_kind_is_asked_for_images(vectors, kind):
    saliency, out = vectors
    planned = saliency("-n", *kind).out
    result = saliency(*kind)
    assert (result.code, result.err) == (0, "")
    values = api.read(out / "sequential.npy.gradient.npz").values
    (array,) = values.values()
    names = [f"sequential.npy.gradient.{row}.png" for row in range(len(array))]
    assert list(contents(out)) == names
    assert all(name in planned and name in result.out for name in names)
    for name, row in zip(names, array, strict=True):
        np.testing.assert_array_equal(pixels(out / name), columns(row, np.abs(row).max()))


def test_render_draws_the_same_bytes_again(vectors, call):
    saliency, out = vectors
    saliency()
    before = contents(out)
    for name in before:
        (out / name).unlink()
    assert call("render", out).code == 0
    assert contents(out) == before
    assert call("render", out, "--picture", "bars").code == 0
    assert contents(out) == before
    assert saliency("--picture", "bars", "--json").events("item")[0]["status"] == "skipped"


def test_its_own_scale_is_shared_by_a_run(vectors):
    saliency, out = vectors
    saliency("--scale", "run")
    (array,) = api.read(out / "sequential.npy.gradient.npz").values.values()
    for row, name in zip(array, contents(out), strict=True):
        np.testing.assert_array_equal(pixels(out / name), columns(row, np.abs(array).max()))


def test_python_draws_it_as_well(vectors):
    saliency, out = vectors
    saliency()
    name, data = next(iter(contents(out).items()))
    assert api.render(api.read(out / "sequential.npy.gradient.npz")).png == data, name


def test_images_keep_their_pictures(bars, call, samples, tmp_path):
    words = ("saliency", samples / "shapes.keras", samples / "inputs/shapes/06-cross.png")
    assert call(*words, "-o", "a", "--picture", "bars").code == 0
    assert call(*words, "-o", "b").code == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_render_says_which_inputs_have_none(bars, call, samples):
    np.save("x.npy", np.ones((2, 6), "f4"))
    call("saliency", samples / "two_heads.keras", "x.npy", "-t", "kind/class:1", "-t", "all")
    words = ("saliency", samples / "reviews.keras", samples / "inputs/review.txt")
    call(*words, "-t", "all", "-o", "text")
    result = call("render", "text")
    assert result.code == 5
    assert "only picture inputs and vectors have pictures, not tables or texts" in result.err
    assert "of maps of all classes (-t all), only those of tables and picture inputs" in result.err


def test_a_run_whose_kind_is_gone_is_drawn_as_that_of_the_name(vectors, call, monkeypatch):
    saliency, out = vectors
    saliency("--picture", "bars")
    monkeypatch.undo()
    assert call("render", out).code == 0
    assert {pixels(path).shape[1] for path in out.glob("*.png")} == {WIDTH}


def test_the_command_line_reads_the_kinds_that_are_registered():
    kinds = {cls.name: cls.help for cls in pictures}
    assert read_picture_kinds() == kinds
    assert next(iter(read_picture_kinds())) == Style().kind


def test_what_no_kind_supports_is_refused_in_one_sentence():
    with pytest.raises(UsageError, match=r"shape \(3, 2\)"):
        choose_picture(Style(), MapLayout((3, 2)))
    with pytest.raises(UsageError, match="no kind of picture 'film'"):
        choose_picture(Style(kind="film"), MapLayout((3, 2, 1)))

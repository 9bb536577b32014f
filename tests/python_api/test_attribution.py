"""Attributions in Python: a short line, a picture in notebooks, files by their ending."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli import api
from inputgrad_cli.data.pictures.drawing import Drawing
from inputgrad_cli.data.pictures.picture_style import Scale
from inputgrad_cli.errors import UsageError
from inputgrad_cli.python_api.attribution_drawing import MAX_DRAWINGS
from inputgrad_cli.python_api.attribution_result import Attribution
from inputgrad_cli.rendering.images.contact_sheet import GAP, LABEL_HEIGHT, build_sheet, decode_png

CHECKS = {"finite": True, "zero": False}


def metadata(samples=None, **fields):
    """Return what the file of a map says; `samples` is None for a single one."""
    listed = samples is not None

    def value(single):
        return [single] * samples if listed else single

    return {
        "schema": 1,
        "many": listed,
        "method": {"name": "gradient", "label": "gradient", "parameters": {}},
        "target": {"asked": "auto", "output": "y", "index": value([3]), "label": value("cat")},
        "space": "logit",
        "score": value(2.5),
        "checks": value(CHECKS),
        "reduce": "sum",
        "model": {"sha256": "0" * 64},
        **fields,
    }


def image(samples=None, side=4, **fields):
    shape = (side, side, 3) if samples is None else (samples, side, side, 3)
    values = np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    return Attribution({"x": values}, metadata(samples, **fields), samples is not None)


def text(*tokens):
    values = np.ones((len(tokens), 2), np.float32)
    return Attribution({"review": values}, metadata(tokens={"review": list(tokens)}))


def read_picture(bundle):
    with Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))) as picture:
        return picture.size, picture.text["inputgrad"]


def test_the_line_of_an_attribution_is_short_and_nothing_is_drawn_for_it(monkeypatch):
    monkeypatch.setattr(Drawing, "__init__", lambda *_: pytest.fail("it was drawn"))
    assert repr(image(side=200)) == "<Attribution cat, gradient, logit 2.5: x (200, 200, 3)>"
    assert repr(image(samples=7)) == "<Attribution gradient: auto, 7 samples: x (7, 4, 4, 3)>"
    assert len(repr([image()] * 3)) < 200


def test_a_notebook_gets_the_picture_and_what_was_checked():
    gap = {"sum": 1.0, "difference": 1.1, "gap": 0.09, "steps": 8, "ok": False}
    bundle = image(checks={**CHECKS, "completeness": gap})._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "image/png"}
    assert "completeness does not hold: the largest gap is 0.09" in bundle["text/plain"]
    size, record = read_picture(bundle)
    assert size == (224, 224)
    assert json.loads(record)["kind"] == "overlay"
    assert json.dumps(bundle), "a notebook stores it as JSON"


@pytest.mark.parametrize(
    ("shape", "kind"), [((2, 4, 4, 3), "class-strip"), ((2, 5), "heat-table")], ids=["image", "row"]
)
def test_the_map_of_all_classes_has_its_picture_too(shape, kind):
    values = np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    target = {"asked": "all", "output": "y", "index": None, "label": None}
    attribution = Attribution({"x": values}, metadata(target=target, scores=[2.5, -1.0]))
    _, record = read_picture(attribution._repr_mimebundle_())
    assert json.loads(record)["kind"] == kind


def test_what_the_model_saw_stands_below_the_map():
    plain = image()
    seen = np.full((1, 4, 4, 3), 200, np.uint8)
    below = Attribution(plain.values, plain.metadata, pixels={"x": seen})
    drawing = api.render(plain, seen[0])
    assert base64.b64decode(below._repr_mimebundle_()["image/png"]) == drawing.png
    assert below._repr_mimebundle_() != plain._repr_mimebundle_()


def test_a_text_is_shown_as_words_without_a_page_around_them():
    bundle = text("good", "<b>")._repr_mimebundle_()
    assert ">good<" in bundle["text/html"]
    assert "&lt;b&gt;" in bundle["text/html"]
    assert not any(word in bundle["text/html"] for word in ("<script", "<style", "<html", "<body"))
    assert read_picture(bundle)[0][0] == 900


def test_many_samples_stand_on_one_sheet_up_to_a_limit():
    size, record = read_picture(image(samples=40)._repr_mimebundle_())
    names = json.loads(record)["names"]
    assert names == [f"sample {n}" for n in range(MAX_DRAWINGS)]
    assert size == (4 * (224 + GAP) + GAP, 4 * (224 + LABEL_HEIGHT + GAP) + GAP)


def test_a_sheet_holds_each_picture_as_it_is():
    drawings = [api.render(image(samples=3), sample=n) for n in range(3)]
    sheet = decode_png(build_sheet([d.png for d in drawings], ["a", "b", "c"]))
    for index, drawing in enumerate(drawings):
        left = GAP + index % 2 * (224 + GAP)
        top = GAP + LABEL_HEIGHT + index // 2 * (224 + LABEL_HEIGHT + GAP)
        np.testing.assert_array_equal(
            sheet[top : top + 224, left : left + 224], decode_png(drawing.png)
        )


def test_what_has_no_picture_is_described_in_text():
    volumes = Attribution(
        {"x": np.zeros((5, 3, 4, 5, 6), np.float32)},
        metadata(scores=[0.0] * 5, checks={"finite": False, "zero": True}),
    )
    bundle = volumes._repr_mimebundle_()
    assert set(bundle) == {"text/plain"}
    assert "not finite" in bundle["text/plain"]
    assert "zero everywhere" in bundle["text/plain"]
    with pytest.raises(UsageError, match="no picture"):
        volumes.save("a.png")


def test_an_attribution_is_saved_by_the_ending(tmp_path):
    attribution = text("good", "film")
    for ending in (".npz", ".png", ".html"):
        attribution.save(tmp_path / f"a{ending}")
    again = api.read(tmp_path / "a.npz")
    assert isinstance(again, Attribution)
    assert again.metadata == attribution.metadata
    np.testing.assert_array_equal(again.values["review"], attribution.values["review"])
    assert (tmp_path / "a.png").read_bytes() == api.render(attribution).png
    assert "<!DOCTYPE html>" in (tmp_path / "a.html").read_text()
    with pytest.raises(UsageError, match=r"\.png or \.html"):
        attribution.save(tmp_path / "a.jpg")


def test_a_drawing_has_a_short_line_and_is_saved(tmp_path):
    drawing = Drawing(b"png", Scale(0.5, True), False)
    assert repr(drawing) == "<Drawing -0.5 to 0.5: .png of 3 bytes>"
    drawing.save(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == b"png"
    assert drawing._repr_mimebundle_()["image/png"] == base64.b64encode(b"png").decode()
    with pytest.raises(UsageError, match=r"end its name in \.png"):
        drawing.save(tmp_path / "a.html")

"""Pictures that an earlier call drew otherwise, or not at all, are drawn again from the arrays."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.rendering import pictures as kinds_of_pictures
from inputgrad_cli.storage.stored_picture_style import read_style
from tests.cli import arrays, files, items, strict

STYLES = [
    ("--picture", "panel", "--cmap", "jet"),
    ("--reduce", "sum", "--clip", "60", "--alpha", "0.9", "--zoom", "1"),
    ("--scale", "run"),
]


def saliency(call, *words, out="out"):
    return call("saliency", "m.keras", "in", "--json", "-o", out, *words)


def pictures(out):
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.png"))}


def read_record(path):
    with Image.open(path) as picture:
        return strict(picture.text["inputgrad"])


def test_a_second_call_draws_what_it_asks_for_without_the_model(call, folder, refuse_models):
    """Each style, one after the other, gives what a fresh directory gives; the arrays stay."""
    clean = {}
    for index, style in enumerate(STYLES):
        assert saliency(call, *style, out=f"clean{index}").code == 0
        clean[style] = pictures(folder / f"clean{index}")
    saliency(call)
    npz = {path: path.stat().st_mtime_ns for path in (folder / "out").glob("*.npz")}
    usual = pictures(folder / "out")
    refuse_models()
    for style in STYLES:
        result = saliency(call, *style)
        assert result.code == 0
        assert {item["status"] for item in items(result)} == {"skipped"}
        assert pictures(folder / "out") == clean[style], style
        assert pictures(folder / "out") != usual
        assert call("verify", "out").code == 0
    saliency(call)
    assert pictures(folder / "out") == usual
    assert {path: path.stat().st_mtime_ns for path in npz} == npz


def test_every_choice_of_a_style_is_kept_in_its_record():
    other = {"kind": "panel", "reduce": "l2", "cmap": "jet", "clip": 5.0, "alpha": 0.1, "zoom": 3}
    other |= {"on": "original", "smooth": True, "keep": 7.5, "top": 3}
    other |= {"scale": "run", "limit": 2.0, "signed": True, "alphabet": "ACGU"}
    assert Style().record() == {}
    names = {field.name for field in dataclasses.fields(Style)}
    assert set(other) == names - {"show"}, "which tests/data/test_shown.py checks"
    for name, value in other.items():
        style = Style(**{name: value})
        assert style.record() == {name: value}
        kept = read_style({"style": style.record()}, {})
        assert kept == (Style() if name in ("limit", "signed") else style)


def test_the_same_call_again_draws_nothing(call, folder):
    for style in ((), STYLES[0], ("--scale", "run")):
        saliency(call, *style)
        before = {p: p.stat().st_mtime_ns for p in (folder / "out").glob("*.png")}
        lines = (folder / "out/journal.jsonl").read_bytes()
        saliency(call, *style)
        assert {p: p.stat().st_mtime_ns for p in before} == before
        assert (folder / "out/journal.jsonl").read_bytes() == lines


@pytest.mark.parametrize("harm", ["remove", "cut"])
def test_a_picture_that_is_lost_is_drawn_again_without_the_model(call, folder, refuse_models, harm):
    saliency(call)
    before = pictures(folder / "out")
    path = folder / "out/a.png.gradient.png"
    path.unlink() if harm == "remove" else path.write_bytes(path.read_bytes()[:-9])
    refuse_models()
    assert {item["status"] for item in items(saliency(call))} == {"skipped"}
    assert pictures(folder / "out") == before


def test_what_was_never_drawn_is_drawn_when_it_is_asked_for(call, folder, refuse_models):
    saliency(call, "--picture", "none")
    assert not pictures(folder / "out")
    refuse_models()
    saliency(call)
    assert len(pictures(folder / "out")) == 2
    saliency(call, "--picture", "none")
    assert len(pictures(folder / "out")) == 2, "none asks for nothing, and takes nothing away"


def test_samples_without_a_picture_kind_are_not_looked_at_twice(
    call, samples, tmp_path, refuse_models
):
    words = ("saliency", samples / "sequential.keras", samples / "inputs/sequential.npy")
    call(*words)
    refuse_models()
    lines = (tmp_path / "inputgrad-out/journal.jsonl").read_bytes()
    assert call(*words).code == 0
    assert (tmp_path / "inputgrad-out/journal.jsonl").read_bytes() == lines


def test_a_file_that_no_run_made_is_not_drawn_over(call, folder, refuse_models):
    saliency(call, "--picture", "none")
    (folder / "out/a.png.gradient.png").write_text("mine")
    refuse_models()
    result = saliency(call)
    assert result.code == 3
    failed, done = items(result)
    assert (failed["status"], failed["error"]["kind"]) == ("failed", "exists")
    assert done["status"] == "skipped"
    assert (folder / "out/a.png.gradient.png").read_text() == "mine"
    assert (folder / "out/b.png.gradient.png").exists()
    assert call("render", "out").code == 3
    assert (folder / "out/a.png.gradient.png").read_text() == "mine"


@pytest.mark.parametrize("kind", kinds_of_pictures.list_names())
def test_render_keeps_the_kind_and_style_of_each_picture(call, folder, kind):
    style = ("--picture", kind, "--cmap", "jet", "--clip", "80", "--alpha", "0.7", "--zoom", "2")
    saliency(call, *style)
    saliency(call, "-m", "integrated-gradients")
    before = pictures(folder / "out")
    for name in before:
        (folder / "out" / name).unlink()
    assert call("render", "out").code == 0
    assert pictures(folder / "out") == before


def test_render_changes_what_it_is_told_and_nothing_else(call, folder):
    saliency(call, "--picture", "panel", "--cmap", "jet")
    saliency(call, "-m", "integrated-gradients", "--reduce", "l2")
    assert call("render", "out", "--clip", "100").code == 0
    panel = read_record(folder / "out/a.png.gradient.png")
    other = read_record(folder / "out/a.png.integrated-gradients.png")
    assert (panel["kind"], panel["cmap"], panel["clip"]) == ("panel", "jet", 100)
    assert (other["kind"], other["reduce"], other["clip"]) == ("overlay", "l2", 100)
    (site,) = arrays(folder / "out/a.png.integrated-gradients.npz").values()
    assert other["scale"]["high"] == pytest.approx(np.sqrt((site**2).sum(-1)).max(), rel=1e-6)


def test_render_keeps_the_scale_of_the_run_and_finds_it_anew(call, folder):
    saliency(call, "--scale", "run")
    before = pictures(folder / "out")
    assert call("render", "out").code == 0
    assert pictures(folder / "out") == before
    call("render", "out", "--clip", "100")
    highs = {read_record(path)["scale"]["high"] for path in (folder / "out").glob("*.png")}
    largest = max(np.abs(next(iter(arrays(p).values()))).max() for p in folder.glob("out/*.npz"))
    assert list(highs) == [pytest.approx(float(largest), rel=1e-6)]
    call("render", "out", "--scale", "item")
    assert len({read_record(path)["scale"]["high"] for path in (folder / "out").glob("*.png")}) == 2


@pytest.mark.parametrize(("method", "is_signed"), [("rise:samples=20", True), ("grad-cam", False)])
def test_one_scale_for_the_run_is_on_one_side_or_on_both(call, folder, method, is_signed):
    """The method decides it, whatever the sign of the values at hand is."""
    words = ("-m", method, "-t", "class:0", "-t", "class:1", "--scale", "run")
    assert saliency(call, *words).code == 0
    for target in ("class0", "class1"):
        lows = {read_record(path)["scale"]["low"] for path in folder.glob(f"out/*.{target}.png")}
        assert len(lows) == 1
        assert (lows.pop() < 0) == is_signed


def test_pictures_of_a_shared_run_are_drawn_again_and_merge(call, folder):
    for style in ((), ("--picture", "panel")):
        for share in ("0/2", "1/2"):
            assert saliency(call, "--shard", share, *style).code in (0, 5)
    assert {read_record(path)["kind"] for path in (folder / "out").glob("*.png")} == {"panel"}
    assert call("merge", "out").code == 0
    assert call("verify", "out").code == 0
    before = pictures(folder / "out")
    assert call("render", "out").code == 0
    assert pictures(folder / "out") == before
    assert len(files(folder / "out")) == 4


def test_pictures_that_were_left_out_are_drawn_by_the_next_call(call, samples, tmp_path):
    words = ("saliency", samples / "shapes.keras", samples / "inputs" / "shapes" / "00-cross.png")
    assert call(*words, "--picture", "none").code == 0
    assert call(*words).code == 0
    assert (tmp_path / "inputgrad-out" / "00-cross.png.gradient.png").exists()


def test_a_run_scale_over_nothing_ends_as_the_run_did(call, samples, tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    done = call("saliency", samples / "shapes.keras", "a.png", "--scale", "run", "--json")
    assert done.code == 3
    assert done.events("summary")[0]["failed"] == 1

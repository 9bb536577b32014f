"""The picture of all maps of an item is drawn, recorded, drawn again, and never out of date."""

import shutil

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli import api
from tests.cli import draw, files, items, journal, strict

WORDS = ("-m", "gradient", "-m", "grad-cam", "--picture", "grid")


@pytest.fixture
def folder(tmp_path, samples):
    shutil.copy(samples / "shapes.keras", tmp_path / "m.keras")
    for seed, name in enumerate(("a", "b")):
        draw(tmp_path / f"in/{name}.png", seed=seed)
    return tmp_path


def saliency(call, *words, out="out"):
    return call("saliency", "m.keras", "in", "--json", "-o", out, *words)


def pictures(out):
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.png"))}


def list_tiles(path):
    """Return the method and target of every tile."""
    with Image.open(path) as picture:
        tiles = strict(picture.text["inputgrad"])["tiles"]
    return [(each["method"], each["target"]) for each in tiles]


def list_owners(out, name="a.png.grid.png"):
    """Return the stems whose last journal line has the picture."""
    latest = {line["stem"]: line for line in journal(out)}
    return [
        stem
        for stem, line in latest.items()
        if name in [file["path"] for file in line.get("files", ())]
    ]


def test_a_grid_has_every_map_of_its_item_and_belongs_to_one(call, folder):
    planned = call("saliency", "m.keras", "in", "-n", "-o", "out", *WORDS).out
    result = call("saliency", "m.keras", "in", "-o", "out", *WORDS)
    assert result.code == 0
    assert set(pictures(folder / "out")) == {"a.png.grid.png", "b.png.grid.png"}
    assert all(planned.count(name) == 1 for name in files(folder / "out"))
    assert list_tiles(folder / "out/a.png.grid.png") == [("grad-cam", "auto"), ("gradient", "auto")]
    assert len(list_owners(folder / "out")) == 1
    assert call("verify", "out").code == 0
    assert "no kind of picture" not in result.err
    assert "grid.png" in result.err


def test_the_same_call_again_draws_nothing_and_opens_no_model(call, folder, refuse_models):
    saliency(call, *WORDS)
    before = {p: p.stat().st_mtime_ns for p in (folder / "out").glob("[a-z]*")}
    refuse_models()
    assert {item["status"] for item in items(saliency(call, *WORDS))} == {"skipped"}
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_a_second_call_with_another_method_draws_it_again_with_all(call, folder):
    saliency(call, "-m", "gradient", "--picture", "grid")
    saliency(call, "-m", "grad-cam", "--picture", "grid")
    saliency(call, *WORDS, out="clean")
    assert pictures(folder / "out") == pictures(folder / "clean")
    assert len(list_owners(folder / "out")) == 1
    # A call that asks for another kind adds its own pictures; the grid has its map as well.
    saliency(call, "-m", "input-x-gradient")
    assert ("input-x-gradient", "auto") in list_tiles(folder / "out/a.png.grid.png")
    assert "a.png.input-x-gradient.png" in files(folder / "out")
    assert call("verify", "out").code == 0


def test_no_map_of_old_content_stands_beside_one_of_the_new(call, folder):
    saliency(call, "-m", "gradient", "--picture", "grid")
    shutil.copy(folder / "in/b.png", folder / "in/a.png")
    saliency(call, "-m", "grad-cam", "--picture", "grid")
    assert list_tiles(folder / "out/a.png.grid.png") == [("grad-cam", "auto")]
    assert list_tiles(folder / "out/b.png.grid.png") == [("grad-cam", "auto"), ("gradient", "auto")]
    assert list_owners(folder / "out") == ["a.png.grad-cam"]
    assert call("verify", "out").code == 0
    saliency(call, "-m", "gradient", "--picture", "grid")
    assert list_tiles(folder / "out/a.png.grid.png") == [("grad-cam", "auto"), ("gradient", "auto")]


@pytest.mark.parametrize("harm", ["remove", "cut", "kill"])
def test_a_grid_that_is_lost_is_drawn_again_without_the_model(call, folder, refuse_models, harm):
    saliency(call, *WORDS)
    before = pictures(folder / "out")
    path = folder / "out/a.png.grid.png"
    if harm == "kill":  # after the maps, and before the picture and its line
        path.unlink()
        lines = (folder / "out/journal.jsonl").read_text().splitlines(keepends=True)
        kept = [line for line in lines if '"tiles"' not in line or '"input": "b.png"' in line]
        (folder / "out/journal.jsonl").write_text("".join(kept))
    else:
        path.unlink() if harm == "remove" else path.write_bytes(path.read_bytes()[:-9])
        assert call("verify", "out").code == 1
        for line in (folder / "out/journal.jsonl").read_text().splitlines():
            strict(line)
    if harm == "kill":  # what `verify` has marked is computed again, as for every picture
        refuse_models()
    assert saliency(call, *WORDS).code == 0
    assert pictures(folder / "out") == before
    assert call("verify", "out").code == 0


def test_an_input_that_changes_leaves_no_old_map_in_the_grid(call, folder):
    saliency(call, *WORDS)
    before = pictures(folder / "out")
    draw(folder / "in/a.png", seed=9)
    saliency(call, "-m", "grad-cam")  # another kind of picture, of one method
    after = pictures(folder / "out")
    assert after.get("a.png.grid.png") != before["a.png.grid.png"]
    assert after["b.png.grid.png"] == before["b.png.grid.png"]
    assert saliency(call, *WORDS).code == 0
    saliency(call, *WORDS, out="clean")
    assert pictures(folder / "out") == pictures(folder / "clean")


def test_render_makes_it_from_the_directory_alone_and_takes_it_away(call, folder):
    saliency(call, "-m", "gradient", "-m", "grad-cam")
    overlays = pictures(folder / "out")
    saliency(call, *WORDS, out="clean")
    (folder / "m.keras").unlink()
    result = call("render", "out", "--picture", "grid", "--json")
    assert result.code == 0
    assert [name.rpartition("/")[2] for name in strict(result.out)["pictures"]] == [
        "a.png.grid.png",
        "b.png.grid.png",
    ]
    assert pictures(folder / "out") == pictures(folder / "clean")
    for path in (folder / "out").glob("*.png"):
        path.unlink()
    assert call("render", "out").code == 0, "it keeps its kind"
    assert pictures(folder / "out") == pictures(folder / "clean")
    assert call("render", "out", "--picture", "overlay").code == 0
    assert pictures(folder / "out") == overlays
    assert call("verify", "out").code == 0


def test_a_file_that_no_run_made_is_not_drawn_over(call, folder):
    (folder / "out").mkdir()
    (folder / "out/a.png.grid.png").write_text("mine")
    result = saliency(call, *WORDS)
    assert result.code == 3
    failed = [item for item in items(result) if item["status"] == "failed"]
    assert [(item["input"], item["error"]["kind"]) for item in failed] == [("a.png", "exists")]
    assert (folder / "out/a.png.grid.png").read_text() == "mine"
    assert (folder / "out/b.png.grid.png").exists()
    assert saliency(call, *WORDS, "--on-exists", "overwrite").code == 0
    assert list_tiles(folder / "out/a.png.grid.png")


def test_shards_draw_their_own_items_and_merge(call, folder):
    for share in ("0/2", "1/2"):
        assert saliency(call, *WORDS, "--shard", share).code in (0, 5)
    saliency(call, *WORDS, out="clean")
    assert pictures(folder / "out") == pictures(folder / "clean")
    assert call("merge", "out").code == 0
    assert call("verify", "out").code == 0
    assert call("render", "out").code == 0
    assert pictures(folder / "out") == pictures(folder / "clean")


def test_every_sample_has_its_grid(call, folder, samples):
    array = np.random.default_rng(0).uniform(0, 255, (3, 64, 64, 3)).astype("f4")
    array[1, 0, 0, 0] = np.nan
    np.save("many.npy", array)
    words = ("saliency", "m.keras", "many.npy", *WORDS, "-o", "many")
    assert call(*words).code == 3
    assert set(pictures(folder / "many")) == {"many.npy.grid.0.png", "many.npy.grid.2.png"}
    assert call("verify", "many").code == 0


def test_a_label_cannot_take_its_name_and_a_run_scale_is_refused(call, folder):
    result = saliency(call, "-m", "gradient:as=grid")
    assert result.code == 2
    for words in (("saliency", "m.keras", "in"), ("render", "out")):
        result = call(*words, "--picture", "grid", "--scale", "run")
        assert result.code == 2
        assert "--scale run is not for --picture grid" in result.err


def test_all_classes_have_a_strip(call, folder, samples):
    shutil.copy(samples / "shapes.labels.txt", folder / "m.labels.txt")
    assert saliency(call, "-t", "all").code == 0
    assert set(pictures(folder / "out")) == {"a.png.gradient.all.png", "b.png.gradient.all.png"}
    before = pictures(folder / "out")
    with Image.open(folder / "out/a.png.gradient.all.png") as picture:
        record = strict(picture.text["inputgrad"])
    (array,) = api.read(folder / "out/a.png.gradient.all.npz").values.values()
    assert len(record["tiles"]) == min(8, len(array))
    scores = [each["score"] for each in record["tiles"]]
    assert scores == sorted(scores, reverse=True)
    names = (samples / "shapes.labels.txt").read_text().split()
    assert [each["label"] for each in record["tiles"]] == [
        names[each["class_index"]] for each in record["tiles"]
    ]
    assert call("render", "out").code == 0
    assert pictures(folder / "out") == before


@pytest.mark.parametrize("mode", ["stretch", "crop", "pad"])
def test_on_original_draws_over_the_file_in_its_own_size(call, folder, mode):
    draw(folder / "in/a.png", size=(90, 40))
    words = ("--on", "original", "--resize", mode)
    assert saliency(call, *words, "--alpha", "0").code == 0
    with Image.open(folder / "out/a.png.gradient.png") as shown:
        assert shown.size == (90, 40)
        grey = np.asarray(shown)[..., 0].astype(int)
    with Image.open(folder / "in/a.png") as own:
        np.testing.assert_allclose(grey, np.asarray(own.convert("L")), atol=1)
    assert saliency(call, *words).code == 0
    with Image.open(folder / "out/a.png.gradient.png") as shown:
        coloured = np.ptp(np.asarray(shown).astype(int), axis=-1).max(axis=0) > 0
    assert coloured[30:60].any()
    assert coloured[:20].any() == (mode != "crop")
    before = pictures(folder / "out")
    for name in before:
        (folder / "out" / name).unlink()
    assert call("render", "out").code == 0
    assert pictures(folder / "out") == before

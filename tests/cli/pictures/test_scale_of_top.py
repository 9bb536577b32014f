"""The pictures of an input for its top classes, by one method, are on one scale.

It ends at the largest value of the maps on it, after the clip rule, whatever was drawn before.
"""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from inputgrad_cli import api
from inputgrad_cli.data.pictures.picture_style import Style
from tests.cli import arrays, draw, items, journal, strict

METHODS = ("-m", "gradient", "-m", "integrated-gradients:steps=4")


def saliency(call, *words, out="out"):
    return call("saliency", "m.keras", "in", "--tolerance", "9", "--json", "-o", out, *words)


def pictures(out):
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.png"))}


def read_limits(out, stem):
    """Return the end of the scale of each picture of an item by a method."""
    paths = sorted(out.glob(f"{stem}*.png"))
    return [strict(Image.open(path).text["inputgrad"])["scale"]["high"] for path in paths]


def find_largest(out, stem, clip):
    """Return the largest end that a map of an item by a method would have by itself."""
    paths = sorted(out.glob(f"{stem}.top*.npz"))
    return max(api.render(api.read(path), style=Style(clip=clip)).scale.limit for path in paths)


@pytest.mark.parametrize("kind", ["overlay", "panel"])
@pytest.mark.parametrize("clip", [99, 100])
def test_it_ends_at_the_largest_of_the_maps_on_it(call, folder, kind, clip):
    words = (*METHODS, "-t", "top:3", "-t", "class:0", "--picture", kind, "--clip", clip)
    assert saliency(call, *words).code == 0
    out, ends = folder / "out", set()
    for stem in ("a.png.gradient", "a.png.integrated-gradients", "b.png.gradient"):
        limits = read_limits(out, f"{stem}.top")
        assert limits == [pytest.approx(find_largest(out, stem, clip), rel=1e-6)] * 3
        ends.add(limits[0])
    assert len(ends) == 3, "items and methods have scales of their own"
    record = strict(Image.open(out / "a.png.gradient.class0.png").text["inputgrad"])
    own = api.render(api.read(out / "a.png.gradient.class0.npz"), style=Style(clip=clip))
    assert record["scale"]["high"] == pytest.approx(own.scale.limit, rel=1e-6)
    assert call("verify", "out").code == 0


def test_a_value_is_what_the_stored_array_says(call, folder):
    saliency(call, "-t", "top:3", "--clip", "100", "--reduce", "sum")
    maps = [arrays(path) for path in sorted((folder / "out").glob("a.png.gradient.top*.npz"))]
    largest = max(float(np.abs(next(iter(each.values())).sum(-1)).max()) for each in maps)
    limits = read_limits(folder / "out", "a.png.gradient.top")
    assert limits == [pytest.approx(largest, rel=1e-6)] * 3


def test_maps_that_came_before_are_drawn_again_on_the_scale_of_all(call, folder):
    out, stem = folder / "out", "a.png.gradient"
    for count in (1, 3):
        result = saliency(call, "-t", f"top:{count}", "-v")
        assert result.code == 0
        assert ("drawn again" in result.err) == (count == 3), "new ones are drawn once"
        largest = find_largest(out, stem, 99)
        assert read_limits(out, f"{stem}.top") == [pytest.approx(largest, rel=1e-6)] * count
        assert call("verify", "out").code == 0
    before = pictures(out)
    assert call("render", "out").code == 0
    assert pictures(out) == before, "as they are drawn all at once"


def test_the_same_call_again_draws_nothing_and_needs_no_model(call, folder, refuse_models):
    for words in (("-t", "top:3"), ("-t", "top:3", "--scale", "run"), ("-t", "top:2")):
        saliency(call, *words)
        before = {p: p.stat().st_mtime_ns for p in (folder / "out").glob("[a-z]*[gz]")}
        lines = (folder / "out/journal.jsonl").read_bytes()
        refuse_models()
        assert {item["status"] for item in items(saliency(call, *words))} == {"skipped"}
        assert {p: p.stat().st_mtime_ns for p in before} == before
        assert (folder / "out/journal.jsonl").read_bytes() == lines


def test_one_that_is_lost_or_has_another_style_is_drawn_on_the_scale_of_all(
    call, folder, refuse_models
):
    saliency(call, "-t", "top:3")
    saliency(call, "-t", "top:3", "--cmap", "jet", out="jet")
    before = pictures(folder / "out")
    (folder / "out/a.png.gradient.top2.png").unlink()
    refuse_models()
    saliency(call, "-t", "top:3")
    assert pictures(folder / "out") == before
    saliency(call, "-t", "top:3", "--cmap", "jet")
    assert pictures(folder / "out") == pictures(folder / "jet")
    assert call("verify", "out").code == 0


def test_one_that_is_asked_for_alone_keeps_the_scale_of_all(call, folder, refuse_models):
    saliency(call, "-t", "top:3")
    before = pictures(folder / "out")
    refuse_models()
    saliency(call, "-t", "top1")
    assert pictures(folder / "out") == before
    saliency(call, "-t", "top1", "--cmap", "jet")  # which cannot be compared with the others
    after = read_limits(folder / "out", "a.png.gradient.top")
    paths = [folder / f"out/a.png.gradient.top{rank}.npz" for rank in (1, 2, 3)]
    own = [api.render(api.read(path)).scale.limit for path in paths]
    assert after == pytest.approx([own[0], *[max(own[1:])] * 2], rel=1e-6)
    saliency(call, "-t", "top1")
    assert pictures(folder / "out") == before


def test_render_keeps_the_scale_and_finds_it_anew(call, folder):
    saliency(call, *METHODS, "-t", "top:3")
    before = pictures(folder / "out")
    for name in before:
        (folder / "out" / name).unlink()
    assert call("render", "out").code == 0
    assert pictures(folder / "out") == before
    assert call("render", "out", "--clip", "100").code == 0
    for stem in ("a.png.gradient", "b.png.integrated-gradients"):
        largest = find_largest(folder / "out", stem, 100)
        assert read_limits(folder / "out", f"{stem}.top") == [pytest.approx(largest, rel=1e-6)] * 3
    assert call("verify", "out").code == 0
    assert call("render", "out", "--clip", "99").code == 0
    assert pictures(folder / "out") == before


def test_one_scale_for_the_run_is_that_of_all_top_classes(call, folder):
    saliency(call, "-t", "top:3", "--scale", "run")
    limits = [
        limit
        for stem in ("a.png.gradient", "b.png.gradient")
        for limit in read_limits(folder / "out", f"{stem}.top")
    ]
    assert len(limits) == 6
    assert len(set(limits)) == 1
    before = pictures(folder / "out")
    saliency(call, "-t", "top1", "--scale", "run")
    assert pictures(folder / "out") == before


def test_maps_of_old_content_are_not_on_the_scale_of_the_new(call, folder):
    saliency(call, "-t", "top:3")
    draw(folder / "in/a.png", seed=7)
    saliency(call, "-t", "top:2")
    saliency(call, "-t", "top:2", out="clean")
    after, clean = pictures(folder / "out"), pictures(folder / "clean")
    for name in ("a.png.gradient.top1.png", "a.png.gradient.top2.png"):
        assert after[name] == clean[name]
    own = api.render(api.read(folder / "out/a.png.gradient.top3.npz")).scale.limit
    assert read_limits(folder / "out", "a.png.gradient.top")[2] == pytest.approx(own, rel=1e-6)


def test_shards_and_merged_runs_have_the_scales_of_the_whole(call, folder):
    for share in ("0/2", "1/2"):
        assert saliency(call, "-t", "top:3", "--shard", share).code in (0, 5)
    saliency(call, "-t", "top:3", out="clean")
    assert pictures(folder / "out") == pictures(folder / "clean")
    assert call("merge", "out").code == 0
    assert call("render", "out").code == 0
    assert pictures(folder / "out") == pictures(folder / "clean")


def test_every_sample_of_a_file_has_a_scale_for_its_maps(call, folder):
    array = np.random.default_rng(0).uniform(0, 255, (3, 64, 64, 3)).astype("f4")
    array[1, 0, 0, 0] = np.nan
    np.save(folder / "many.npy", array)
    words = ("saliency", "m.keras", "many.npy", "-t", "top:3", "-o", "many")
    assert call(*words).code == 3
    ends = []
    for sample in (0, 2):
        paths = sorted((folder / "many").glob(f"many.npy.gradient.top*.{sample}.png"))
        limits = {strict(Image.open(path).text["inputgrad"])["scale"]["high"] for path in paths}
        assert (len(paths), len(limits)) == (3, 1)
        ends += limits
    assert len(set(ends)) == 2
    before = pictures(folder / "many")
    assert call("render", "many").code == 0
    assert pictures(folder / "many") == before


def test_rows_and_heads_have_it_too(call, samples, tmp_path):
    words = (samples / "two_heads.keras", samples / "inputs/two_heads.npy", "-t", "kind/top:2")
    assert call("saliency", *words, "-o", "out").code == 0
    lines = journal(tmp_path / "out")
    assert {line["target"] for line in lines} == {"kind/top1", "kind/top2"}
    assert len({line["scale_group"] for line in lines}) == 1
    first, second = (
        [
            strict(Image.open(path).text["inputgrad"])["scale"]["high"]
            for path in sorted((tmp_path / "out").glob(f"*kind-top{rank}*.png"))
        ]
        for rank in (1, 2)
    )
    assert first
    assert first == second


def test_so_has_every_sample_of_a_file_whose_samples_are_of_unequal_length(call, tmp_path):
    keras.utils.set_random_seed(0)
    steps = keras.Input((None, 2), name="steps")
    x = keras.layers.Conv1D(4, 3, activation="relu")(steps)
    x = keras.layers.GlobalAveragePooling1D()(x)
    keras.Model(steps, keras.layers.Dense(3)(x)).save(tmp_path / "m.keras")
    rng = np.random.default_rng(0)
    series = [rng.normal(size=(length, 2)).round(3).tolist() for length in (20, 30)]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(each) + "\n" for each in series))
    assert call("saliency", "m.keras", "s.jsonl", "-t", "top:2", "-o", "out").code == 0
    first, second = (read_limits(tmp_path / "out", f"s.jsonl.gradient.top{n}") for n in (1, 2))
    assert first == second
    assert len(set(first)) == 2, "each sample has its own"
    before = pictures(tmp_path / "out")
    assert call("render", "out").code == 0
    assert pictures(tmp_path / "out") == before

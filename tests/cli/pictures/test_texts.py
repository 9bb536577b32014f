"""Texts: a picture, a page and a table of tokens each, and one text a line with --lines."""

import csv
import json
import math
import re
import shutil

import keras
import numpy as np
import pytest

from tests.cli import arrays, files, items, metadata

TEXTS = (
    "the film was wonderful and moving",
    "the story was dull",
    "the cast was great but the music was awful",
)
IG = ("-m", "integrated-gradients")


@pytest.fixture
def folder(tmp_path, samples):
    for name in ("reviews.keras", "reviews.labels.txt"):
        shutil.copy(samples / name, tmp_path)
    (tmp_path / "a.txt").write_text(TEXTS[0])
    (tmp_path / "lines.txt").write_text("\n".join(TEXTS) + "\n")
    return tmp_path


def contents(out):
    return {name: (out / name).read_bytes() for name in files(out)}


def tokens(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def list_planned_files(result):
    return {line.split(" -> ")[1] for line in result.out.splitlines() if " -> " in line}


def test_a_text_has_a_picture_a_page_and_a_table_of_its_tokens(call, folder):
    words = ("saliency", "reviews.keras", "a.txt", *IG)
    before = call(*words, "-n")
    done = call(*words)
    assert done.code == 0, done.err
    out = folder / "inputgrad-out"
    stem = "a.txt.integrated-gradients"
    assert files(out) == {stem + end for end in (".npz", ".png", ".html", ".tokens.csv")}
    assert list_planned_files(before) == {f"inputgrad-out/{name}" for name in files(out)}
    rows = tokens(out / f"{stem}.tokens.csv")
    assert [row["token"] for row in rows][:6] == TEXTS[0].split()
    (array,) = arrays(out / f"{stem}.npz").values()
    np.testing.assert_allclose(
        [float(row["attribution"]) for row in rows], array.astype(float).sum(-1), rtol=1e-12
    )
    page = (out / f"{stem}.html").read_text()
    assert ">wonderful<" in page
    assert "10 padding tokens, not shown" in page
    assert call("verify", "inputgrad-out").code == 0
    (out / f"{stem}.html").write_text("other")
    assert call("verify", "inputgrad-out").code == 1


def test_the_line_of_a_text_names_its_three_strongest_words(call, folder):
    result = call("saliency", "reviews.keras", "a.txt", *IG)
    (line,) = result.out.splitlines()
    pairs = re.findall(r"(\S+) ([+-][\d.e-]+)(?:, |$)", line.split(".png  ")[1])
    assert len(pairs) == 3
    rows = tokens(folder / "inputgrad-out/a.txt.integrated-gradients.tokens.csv")
    ranked = sorted(rows, key=lambda row: -abs(float(row["attribution"])))[:3]
    assert [name for name, _ in pairs] == [row["token"] for row in ranked]
    for (_, value), row in zip(pairs, ranked, strict=True):
        assert math.isclose(float(value), float(row["attribution"]), rel_tol=5e-3)


def test_the_stream_has_the_picture_and_no_words(call, folder):
    (item,) = items(call("saliency", "reviews.keras", "a.txt", "--json"))
    assert item["picture"].endswith("a.txt.gradient.png")
    assert "strongest" not in item
    assert "pictures" not in item


@pytest.mark.parametrize("ending", [".png", ".html"])
def test_a_lost_file_of_a_picture_is_drawn_again_without_the_model(
    call, folder, refuse_models, ending
):
    call("saliency", "reviews.keras", "a.txt")
    out = folder / "inputgrad-out"
    before = contents(out)
    (out / f"a.txt.gradient{ending}").unlink()
    refuse_models()
    assert {i["status"] for i in items(call("saliency", "reviews.keras", "a.txt", "--json"))} == {
        "skipped"
    }
    assert contents(out) == before
    assert call("verify", "inputgrad-out").code == 0


def test_a_lost_table_of_tokens_is_written_again(call, folder):
    call("saliency", "reviews.keras", "a.txt")
    out = folder / "inputgrad-out"
    before = contents(out)
    (out / "a.txt.gradient.tokens.csv").unlink()
    (item,) = items(call("saliency", "reviews.keras", "a.txt", "--json"))
    assert item["status"] == "ok"
    assert contents(out) == before


def test_render_draws_a_text_again_even_without_its_file(call, folder, refuse_models):
    call("saliency", "reviews.keras", "a.txt", *IG)
    out = folder / "inputgrad-out"
    before = contents(out)
    refuse_models()
    (folder / "a.txt").unlink()
    result = call("render", "inputgrad-out", "--cmap", "PuOr")
    assert result.code == 0
    assert len(result.out.splitlines()) == 2
    assert "warning" not in result.err, "its words stand in its record"
    stem = "a.txt.integrated-gradients"
    changed = {name for name, data in contents(out).items() if data != before[name]}
    assert changed == {f"{stem}.png", f"{stem}.html"}
    call("render", "inputgrad-out", "--cmap", "RdBu_r")
    page = (out / f"{stem}.html").read_bytes()
    assert page == before[f"{stem}.html"]


def test_without_pictures_there_is_the_table_alone(call, folder):
    words = ("saliency", "reviews.keras", "a.txt", "--picture", "none")
    before = call(*words, "-n")
    call(*words)
    names = {"a.txt.gradient.npz", "a.txt.gradient.tokens.csv"}
    assert files(folder / "inputgrad-out") == names
    assert list_planned_files(before) == {f"inputgrad-out/{name}" for name in names}


def test_each_line_is_a_text_with_the_result_that_it_has_alone(call, folder):
    words = ("saliency", "reviews.keras", "lines.txt", "--lines", *IG)
    before = call(*words, "-n")
    done = call(*words, "--json")
    assert done.code == 0, done.err
    out = folder / "inputgrad-out"
    stem = "lines.txt.integrated-gradients"
    assert [item["sample"] for item in items(done)] == [0, 1, 2]
    assert files(out) == {
        f"{stem}.npz",
        f"{stem}.tokens.csv",
        *(f"{stem}.{n}{end}" for n in range(3) for end in (".png", ".html")),
    }
    assert list_planned_files(before) == {f"inputgrad-out/{name}" for name in files(out)}
    (array,) = arrays(out / f"{stem}.npz").values()
    for row, text in enumerate(TEXTS):
        (folder / f"{row}.txt").write_text(text)
        call("saliency", "reviews.keras", f"{row}.txt", "-o", "alone", *IG)
        alone = folder / f"alone/{row}.txt.integrated-gradients"
        (single,) = arrays(alone.with_name(alone.name + ".npz")).values()
        np.testing.assert_allclose(array[row], single, atol=1e-5 * np.abs(single).max())
        parts = tokens(alone.with_name(alone.name + ".tokens.csv"))
        own = [line for line in tokens(out / f"{stem}.tokens.csv") if line["sample"] == str(row)]
        assert [line["token"] for line in own] == [line["token"] for line in parts]
    run = json.loads((out / "run.json").read_text())
    assert run["options"]["lines"] == {"value": True, "source": "commandline"}
    assert metadata(out / f"{stem}.npz")["many"] is True


def test_a_run_of_lines_is_resumed_and_other_reading_is_another_result(call, folder, refuse_models):
    words = ("saliency", "reviews.keras", "lines.txt", "--json")
    call(*words, "--lines")
    out = folder / "inputgrad-out"
    before = contents(out)
    again = items(call(*words, "--lines"))
    assert [item["status"] for item in again] == ["skipped"] * 3
    assert contents(out) == before
    single = call(*words)
    (item,) = items(single)
    assert item["status"] == "ok"
    assert item["sample"] is None
    assert "lines.txt.gradient.0.png" not in files(out)
    call(*words, "--lines")
    assert contents(out) == before
    refuse_models()
    (out / "lines.txt.gradient.1.html").unlink()
    assert call("render", "inputgrad-out").code == 0
    assert contents(out) == before


def test_empty_lines_are_named_in_a_warning(call, folder):
    (folder / "gaps.txt").write_text("the film was dull\n\nthe cast was great\n")
    result = call("saliency", "reviews.keras", "gaps.txt", "--lines")
    assert result.code == 0
    assert len(result.out.splitlines()) == 2
    assert "1 of 3 lines are empty" in result.err


def test_lines_of_other_formats_are_as_they_are(call, folder):
    (folder / "a.jsonl").write_text("".join(json.dumps(text) + "\n" for text in TEXTS))
    assert call("saliency", "reviews.keras", "a.jsonl", "--lines").code == 0
    out = folder / "inputgrad-out"
    assert sum(name.endswith(".html") for name in files(out)) == 3
    assert len({line["sample"] for line in tokens(out / "a.jsonl.gradient.tokens.csv")}) == 3


def test_shards_of_texts_are_merged_with_all_their_files(call, folder):
    (folder / "in").mkdir()
    for row in range(6):
        (folder / "in" / f"{row}.txt").write_text(TEXTS[row % 3])
    words = ("saliency", "reviews.keras", "in")
    call(*words, "-o", "whole")
    for shard in ("0/2", "1/2"):
        assert call(*words, "-o", "shared", "--shard", shard).code == 0
    assert call("merge", "shared").code == 0
    whole = contents(folder / "whole")
    assert contents(folder / "shared") == whole
    assert sum(name.endswith(".html") for name in whole) == 6


def test_ids_without_a_vocabulary_are_numbers(call, tmp_path):
    ids = keras.Input((None,), dtype="int32", name="ids")
    hidden = keras.layers.Embedding(12, 3)(ids)
    hidden = keras.layers.GlobalAveragePooling1D()(hidden)
    keras.Model(ids, keras.layers.Dense(2)(hidden)).save(tmp_path / "m.keras")
    lines = [[1, 2, 3], [4, 5, 6, 7]]
    (tmp_path / "a.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    before = call("saliency", "m.keras", "a.jsonl", "-n")
    done = call("saliency", "m.keras", "a.jsonl")
    assert done.code == 0, done.err
    assert list_planned_files(before) == {
        f"inputgrad-out/{n}" for n in files(tmp_path / "inputgrad-out")
    }
    out = tmp_path / "inputgrad-out"
    rows = tokens(out / "a.jsonl.gradient.tokens.csv")
    assert [(row["sample"], row["token"]) for row in rows] == [
        (str(sample), str(token)) for sample, line in enumerate(lines) for token in line
    ]
    assert ">#7<" in (out / "a.jsonl.gradient.1.html").read_text()
    assert "  #4 +" in done.out.splitlines()[1]
    assert call("verify", "inputgrad-out").code == 0
    before = contents(out)
    assert call("render", "inputgrad-out").code == 0
    assert contents(out) == before

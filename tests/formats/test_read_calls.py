"""Whole calls on files of every kind: what is computed, drawn and recorded."""

import csv
import io
import json
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image

from . import film, picture

RAMP = np.linspace(0, 65535, 48).reshape(6, 8)


SCORES = ("prediction", "score", "baseline_score")  # what stands before the columns of a table


def read_table(path):
    """Return the rows of a table of results, each by the names of its columns."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def linear(path, *inputs):
    """Save a model that sums its inputs with weights 1, 2, 3, ...; its gradients are these."""
    flat = [keras.layers.Flatten()(i) for i in inputs]
    joined = keras.layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    model = keras.Model(list(inputs), keras.layers.Dense(1, use_bias=False)(joined))
    weights = np.arange(1, joined.shape[1] + 1, dtype="float32")[:, None]
    model.set_weights([weights])
    model.save(path)
    return weights[:, 0]


def result(path):
    with zipfile.ZipFile(path) as archive:
        metadata = json.loads(archive.read("metadata.json"))
    with np.load(path) as arrays:
        return {n: arrays[n] for n in arrays.files if n != "metadata.json"}, metadata


def test_a_channels_first_picture_is_drawn_as_the_same_picture_channels_last(call, tmp_path):
    weights = linear(tmp_path / "first.keras", keras.Input((3, 6, 8), name="x"))
    grid = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    (tmp_path / "a.png").write_bytes(picture(grid))
    np.save(tmp_path / "a.npy", grid.transpose(2, 0, 1).astype("float32"))
    done = call("saliency", "first.keras", "a.png", "a.npy", "--preprocess", "raw")
    assert done.code == 0, done.err
    arrays, record = result(tmp_path / "inputgrad-out/a.png.gradient.npz")
    np.testing.assert_allclose(arrays["x"].ravel(), weights)
    assert record["channels_first"] == ["x"]
    first, two = (
        Image.open(tmp_path / f"inputgrad-out/a.{s}.gradient.png") for s in ("png", "npy")
    )
    assert first.size == (8 * 38, 6 * 38)
    # The array's range becomes 0..255, the picture's is there already: all but the same.
    assert np.abs(np.asarray(first, int) - np.asarray(two, int)).max() <= 3
    before = np.asarray(first)
    assert call("render", "inputgrad-out").code == 0
    after = np.asarray(Image.open(tmp_path / "inputgrad-out/a.png.gradient.png"))
    np.testing.assert_array_equal(before, after)


def test_black_is_black_channels_first(call, tmp_path):
    weights = linear(tmp_path / "first.keras", keras.Input((3, 4, 5), name="x"))
    (tmp_path / "a.png").write_bytes(picture(np.full((4, 5, 3), 200, np.uint8)))
    words = ("-m", "integrated-gradients", "--preprocess", "caffe", "--picture", "none")
    assert call("saliency", "first.keras", "a.png", *words).code == 0
    arrays, _ = result(tmp_path / "inputgrad-out/a.png.integrated-gradients.npz")
    np.testing.assert_allclose(arrays["x"].ravel(), 200 * weights, rtol=1e-4)


def test_all_frames_are_one_result_and_a_picture_each_and_are_drawn_again(call, tmp_path):
    linear(tmp_path / "m.keras", keras.Input((4, 4, 3), name="x"))
    (tmp_path / "a.gif").write_bytes(film(10, 120, 250))
    refused = call("saliency", "m.keras", "a.gif")
    assert refused.code == 3
    assert "--frame" in refused.err
    done = call("saliency", "m.keras", "a.gif", "--frame", "all", "--json")
    assert done.code == 0
    assert [item["sample"] for item in done.events("item")] == [0, 1, 2]
    arrays, record = result(tmp_path / "inputgrad-out/a.gif.gradient.npz")
    assert arrays["x"].shape == (3, 4, 4, 3)
    assert record["frame"] == "all"
    paths = [tmp_path / f"inputgrad-out/a.gif.gradient.{n}.png" for n in range(3)]
    before = [np.asarray(Image.open(path)) for path in paths]
    assert not np.array_equal(before[0], before[2])
    assert call("render", "inputgrad-out").code == 0
    for path, pixels in zip(paths, before, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(path)), pixels)


def test_a_dry_run_counts_the_frames(call, tmp_path):
    linear(tmp_path / "m.keras", keras.Input((4, 4, 3), name="x"))
    (tmp_path / "a.gif").write_bytes(film(10, 120))
    done = call("saliency", "m.keras", "a.gif", "--frame", "all", "--dry-run")
    assert done.code == 0
    assert "a.gif.gradient.1.png" in done.out


def test_a_mixed_table_feeds_numbers_and_words_in_one_run(call, tmp_path):
    age, city = keras.Input((1,), name="age"), keras.Input((1,), dtype="string", name="city")
    city_index = keras.layers.StringLookup(vocabulary=["Rome", "Bern"])(city)
    word = keras.layers.Flatten()(keras.layers.Embedding(3, 2)(city_index))
    joined = keras.layers.Concatenate()([age, word])
    keras.Model([age, city], keras.layers.Dense(1)(joined)).save(tmp_path / "m.keras")
    (tmp_path / "t.csv").write_text('city,age\nRome,3\nBern,4.5\n"Os,lo",x\n')
    done = call("saliency", "m.keras", "t.csv")
    assert done.code == 3
    assert "t.csv:4:2" in done.err
    arrays, _ = result(tmp_path / "inputgrad-out/t.csv.gradient.npz")
    assert np.isfinite(arrays["age"][:2]).all()
    assert np.isnan(arrays["age"][2]).all()
    rows = read_table(tmp_path / "inputgrad-out/t.csv.gradient.csv")
    assert list(rows[0]) == [*SCORES, "city", "city:attribution", "age", "age:attribution"]
    assert [row["city"] for row in rows] == ["Rome", "Bern", ""]  # the last row has failed


def test_another_frame_is_another_result(call, tmp_path):
    linear(tmp_path / "m.keras", keras.Input((4, 4, 3), name="x"))
    (tmp_path / "a.gif").write_bytes(film(10, 120))
    words = ("saliency", "m.keras", "a.gif", "-m", "input-x-gradient", "--frame")
    for frame, kept in (("0", False), ("0", True), ("1", False)):
        (item,) = call(*words, frame, "--json").events("item")
        assert (item["status"] == "skipped") == kept


def test_the_range_of_a_float_picture_is_recorded_and_drawn_again(call, tmp_path):
    linear(tmp_path / "m.keras", keras.Input((6, 8, 1), name="x"))
    (tmp_path / "a.tif").write_bytes(picture(RAMP.astype("f4"), "TIFF"))
    assert "--input-range" in call("saliency", "m.keras", "a.tif").err
    words = ("--input-range", "0,65535", "--preprocess", "unit", "-m", "input-x-gradient")
    assert call("saliency", "m.keras", "a.tif", *words).code == 0
    arrays, record = result(tmp_path / "inputgrad-out/a.tif.input-x-gradient.npz")
    np.testing.assert_allclose(
        arrays["x"].ravel(), RAMP.ravel() / 65535 * np.arange(1, 49), rtol=1e-5
    )
    assert record["input_range"] == [0, 65535]
    path = tmp_path / "inputgrad-out/a.tif.input-x-gradient.png"
    before = np.asarray(Image.open(path))
    assert call("render", "inputgrad-out").code == 0
    np.testing.assert_array_equal(np.asarray(Image.open(path)), before)


@pytest.mark.parametrize(
    "words",
    [
        ("--frame", "-1"),
        ("--frame", "x"),
        ("--input-range", "5"),
        ("--input-range", "5,5"),
        ("--input-range", "0,inf"),
    ],
)
def test_a_wrong_frame_or_range_is_exit_2(call, samples, words):
    done = call("saliency", samples / "shapes.keras", "a.png", *words)
    assert done.code == 2
    assert "--frame" in done.err or "--input-range" in done.err


def test_numbers_of_several_inputs_come_from_one_table(call, tmp_path):
    first, two = (keras.Input((1,), name=name) for name in ("p", "q"))
    linear(tmp_path / "m.keras", first, two)
    (tmp_path / "t.csv").write_text("q,p\n10,1\nnan,2\n30,3\n")
    done = call("saliency", "m.keras", "t.csv", "-m", "input-x-gradient")
    assert done.code == 3
    assert "t.csv:3:1" in done.err
    rows = read_table(tmp_path / "inputgrad-out/t.csv.input-x-gradient.csv")
    assert list(rows[0]) == [*SCORES, "q", "q:attribution", "p", "p:attribution"]
    assert [float(rows[0]["q:attribution"]), float(rows[0]["p:attribution"])] == [20, 1]


def test_json_lines_keep_their_ids_in_the_record(call, tmp_path):
    linear(tmp_path / "m.keras", keras.Input((2,), name="x"))
    (tmp_path / "a.jsonl").write_text('{"id": "p", "x": [1, 2]}\n{"x": [3, 4]}\n')
    assert call("saliency", "m.keras", "a.jsonl").code == 0
    arrays, record = result(tmp_path / "inputgrad-out/a.jsonl.gradient.npz")
    assert record["ids"] == ["p", None]
    assert arrays["x"].tolist() == [[1, 2], [1, 2]]


def test_a_sound_keeps_its_rate_in_the_record(call, tmp_path):
    import soundfile

    weights = linear(tmp_path / "m.keras", keras.Input((300, 1), name="x"))
    out = io.BytesIO()
    soundfile.write(out, np.zeros(300), 8000, format="WAV")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.wav").write_bytes(out.getvalue())
    assert call("saliency", "m.keras", "in").code == 0
    arrays, record = result(tmp_path / "inputgrad-out/a.wav.gradient.npz")
    np.testing.assert_allclose(arrays["x"].ravel(), weights)
    assert record["sample_rate"] == {"x": 8000}


def test_a_grey_picture_into_an_input_without_channels_is_drawn_as_with_them(call, tmp_path):
    grid = np.random.default_rng(0).integers(0, 256, (9, 9), dtype=np.uint8)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(picture(grid))
    np.save(tmp_path / "in/b.npy", grid[np.newaxis, ..., np.newaxis].astype("float32"))
    drawn = {}
    for name, shape in (("flat", (9, 9)), ("deep", (9, 9, 1))):
        weights = linear(tmp_path / f"{name}.keras", keras.Input(shape, name="x"))
        words = ("--preprocess", "unit", "-m", "integrated-gradients", "-o", name)
        done = call("saliency", f"{name}.keras", "in", *words)
        assert done.code == 0, done.err
        arrays, _ = result(tmp_path / name / "a.png.integrated-gradients.npz")
        assert arrays["x"].shape == shape
        np.testing.assert_allclose(arrays["x"].ravel(), grid.ravel() / 255 * weights, rtol=1e-4)
        paths = [f"a.png.{words[3]}.png", f"b.npy.{words[3]}.0.png"]
        drawn[name] = [np.asarray(Image.open(tmp_path / name / path)) for path in paths]
    for flat, deep in zip(*drawn.values(), strict=True):
        np.testing.assert_array_equal(flat, deep)
    assert call("render", "flat").code == 0
    again = np.asarray(Image.open(tmp_path / "flat" / paths[0]))
    np.testing.assert_array_equal(again, drawn["flat"][0])


def test_columns_are_chosen_by_option_environment_config_sidecar_and_in_python(
    call, tmp_path, monkeypatch
):
    import inputgrad_cli as ig

    linear(tmp_path / "m.keras", keras.Input((2,), name="x"))
    (tmp_path / "t.csv").write_text("id;label;b;a\np;0;1,5;10\nq;1;2,5;20\n")
    (tmp_path / "c.toml").write_text('[saliency]\ncolumns = ["a", "b"]\n')
    refused = call("saliency", "m.keras", "t.csv", "-o", "none")
    assert refused.code == 3
    assert "id, label, b, a" in refused.err
    assert "--columns" in refused.err
    wanted = [[10, 3], [20, 5]]  # the weights are 1 and 2
    words = ("saliency", "m.keras", "t.csv", "-m", "input-x-gradient")

    def check(out, *more):
        done = call(*words, "-o", out, *more)
        assert done.code == 0, done.err
        arrays, record = result(tmp_path / out / "t.csv.input-x-gradient.npz")
        np.testing.assert_allclose(arrays["x"], wanted)
        assert record["columns"] == ["a", "b"]
        rows = read_table(tmp_path / out / "t.csv.input-x-gradient.csv")
        columns = ["a", "a:attribution", "b", "b:attribution"]
        assert list(rows[0]) == ["id", "label", *SCORES, *columns]
        return json.loads((tmp_path / out / "run.json").read_text())["options"]["columns"]

    assert check("option", "--columns", "a, b") == {"value": ["a", "b"], "source": "commandline"}
    assert check("config", "--config", "c.toml")["source"] == "config"
    monkeypatch.setenv("INPUTGRAD_SALIENCY_COLUMNS", "a,b")
    assert check("environment")["source"] == "environment"
    monkeypatch.delenv("INPUTGRAD_SALIENCY_COLUMNS")
    (tmp_path / "m.inputgrad.toml").write_text('columns = ["a", "b"]\n')
    assert check("sidecar") == {"value": ["a", "b"], "source": "sidecar"}
    other = call(*words, "-o", "sidecar", "--columns", "b,a", "--json").events("item")
    assert {item["status"] for item in other} == {"ok"}  # another question is not resumed
    chosen = {"method": "input-x-gradient", "columns": ["b", "a"]}
    attribution = ig.explain(tmp_path / "m.keras", tmp_path / "t.csv", **chosen)
    np.testing.assert_allclose(attribution.values["x"], [[1.5, 20], [2.5, 40]])
    for wrong in ("a,,b", "a,a", ""):
        assert call(*words, "--columns", wrong).code == 2


def test_a_column_of_a_table_is_one_series_with_a_table_of_its_own(call, tmp_path):
    weights = linear(tmp_path / "m.keras", keras.Input((360,), name="x"))
    rows = [f"2026-01-01 {n:03},{n}" for n in range(360)]
    (tmp_path / "t.csv").write_text("\n".join(["date,load", *rows]) + "\n")
    done = call("saliency", "m.keras", "t.csv", "--json")
    assert done.code == 0
    (item,) = done.events("item")
    assert item["sample"] is None
    arrays, _ = result(tmp_path / "inputgrad-out/t.csv.gradient.npz")
    np.testing.assert_allclose(arrays["x"], weights)
    table = read_table(tmp_path / "inputgrad-out/t.csv.gradient.csv")
    assert list(table[0]) == ["date", *SCORES, "load", "load:attribution"]
    np.testing.assert_allclose([float(row["load:attribution"]) for row in table], weights)


def test_a_film_and_a_volume_are_one_sample_each_compared_with_black(call, tmp_path):
    greys = (10, 60, 120, 200, 250)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.gif").write_bytes(film(*greys, size=6))
    for name, shape in (("video", (5, 6, 6, 3)), ("volume", (5, 6, 6))):
        weights = linear(tmp_path / f"{name}.keras", keras.Input(shape, name="x"))
        words = ("-m", "integrated-gradients", "-o", name, "--json")
        done = call("saliency", f"{name}.keras", "in", *words)
        assert done.code == 0, done.err
        assert "--preprocess" in done.err  # what was assumed is told
        (item,) = done.events("item")
        assert item["sample"] is None
        arrays, record = result(tmp_path / name / "a.gif.integrated-gradients.npz")
        assert arrays["x"].shape == shape
        values = np.repeat(greys, weights.size // 5) / 255
        np.testing.assert_allclose(arrays["x"].ravel(), values * weights, rtol=1e-4)
        assert record["preprocess"]["x"]["name"] == "unit"
        assert record["baseline"] == "black"

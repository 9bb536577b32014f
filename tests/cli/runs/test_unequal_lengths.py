"""Lines of unequal lengths in one file: one result a line, the same as of the line alone."""

import json

import keras
import numpy as np
import pytest

from tests.cli import arrays, files, items, journal, metadata

L = keras.layers
LINES = [[1, 2, 3], [4, 5, 6, 7, 8], [2, 2, 9], [7], [1, 1, 1]]
WORDS = ("-m", "gradient", "-m", "integrated-gradients", "--json")


@pytest.fixture
def model(tmp_path):
    keras.utils.set_random_seed(0)
    ids = keras.Input((None,), dtype="int32", name="ids")
    hidden = L.GlobalAveragePooling1D()(L.Dense(4, activation="tanh")(L.Embedding(12, 3)(ids)))
    path = tmp_path / "m.keras"
    keras.Model(ids, L.Dense(2)(hidden)).save(path)
    return path


def written(path, lines):
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def test_each_line_has_the_result_that_it_has_alone(call, model, tmp_path):
    written(tmp_path / "a.jsonl", LINES)
    done = call("saliency", model, "a.jsonl", "-o", "out", *WORDS)
    assert done.code == 0, done.err
    out = tmp_path / "out"
    maps = [item for item in items(done) if item["method"] == "gradient"]
    assert [item["sample"] for item in maps] == [0, 1, 2, 3, 4]
    assert [item["arrays"] for item in maps] == [f"out/a.jsonl.gradient.{n}.npz" for n in range(5)]
    assert len(journal(out)) == 2
    for row, line in enumerate(LINES):
        written(tmp_path / f"{row}.jsonl", [line])
    alone = call("saliency", model, *(f"{n}.jsonl" for n in range(5)), "-o", "alone", *WORDS)
    assert alone.code == 0
    for label in ("gradient", "integrated-gradients"):
        for row, line in enumerate(LINES):
            part = out / f"a.jsonl.{label}.{row}.npz"
            (result,), (wanted,) = (
                arrays(path).values()
                for path in (part, tmp_path / "alone" / f"{row}.jsonl.{label}.npz")
            )
            assert result.shape == (len(line), 3)
            np.testing.assert_allclose(result, wanted[0], atol=1e-5 * np.abs(wanted).max())
            assert metadata(part)["many"] is False
    assert call("verify", "out").code == 0
    again = call("saliency", model, "a.jsonl", "-o", "out", *WORDS)
    assert {item["status"] for item in items(again)} == {"skipped"}
    assert len(items(again)) == 10
    assert call("saliency", model, "a.jsonl", "-o", "out", "--on-exists", "error").code == 2
    # One length again: one result, and nothing of the earlier form is left.
    written(tmp_path / "a.jsonl", LINES[:1] * 2)
    assert call("saliency", model, "a.jsonl", "-o", "out").code == 0
    assert "a.jsonl.gradient.npz" in files(out)
    assert "a.jsonl.gradient.0.npz" not in files(out)


def test_a_bad_line_among_them_fails_alone_and_names_are_padded(call, model, tmp_path):
    lines = [LINES[n % 2] for n in range(11)]
    written(tmp_path / "a.jsonl", [{"id": f"n{n}", "ids": line} for n, line in enumerate(lines)])
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write('{"ids": [1, "x"]}\n')
    dry = call("saliency", model, "a.jsonl", "-n")
    assert "a.jsonl.gradient.00.npz" in dry.out
    done = call("saliency", model, "a.jsonl", "--json")
    assert done.code == 3
    assert [item["status"] for item in items(done)] == ["ok"] * 11 + ["failed"]
    endings = (".npz", ".png", ".html")
    names = {f"a.jsonl.gradient.{n:02}{ending}" for n in range(11) for ending in endings}
    assert files(tmp_path / "inputgrad-out") == names | {"a.jsonl.gradient.tokens.csv"}
    assert metadata(tmp_path / "inputgrad-out/a.jsonl.gradient.07.npz")["id"] == "n7"


def test_pictures_of_unequal_maps_are_drawn_and_drawn_again(call, tmp_path):
    image = keras.Input((None, None, 3), name="x")
    keras.Model(image, L.GlobalAveragePooling2D()(L.Conv2D(2, 3)(image))).save(tmp_path / "m.keras")
    rng = np.random.default_rng(0)
    lines = [rng.uniform(0, 1, (h, 6, 3)).round(3).tolist() for h in (5, 7)]
    written(tmp_path / "a.jsonl", lines)
    assert call("saliency", "m.keras", "a.jsonl", "-t", "class:0").code == 0
    out = tmp_path / "inputgrad-out"
    drawn = {path.name: path.read_bytes() for path in out.glob("*.png")}
    assert len(drawn) == 2
    for name in drawn:
        (out / name).unlink()
    assert call("render", "inputgrad-out").code == 0
    assert {path.name: path.read_bytes() for path in out.glob("*.png")} == drawn


@pytest.fixture
def pooling_model(tmp_path):
    """Save a model of two vectors of any length."""
    keras.utils.set_random_seed(1)
    inputs = [keras.Input((None,), name=name) for name in "ab"]
    pooled = [
        L.GlobalAveragePooling1D()(L.Dense(3, "tanh")(L.Reshape((-1, 1))(each))) for each in inputs
    ]
    path = tmp_path / "pooled.keras"
    keras.Model(inputs, L.Dense(1)(L.Concatenate()(pooled))).save(path)
    return path


# Two short vectors are one row; a long vector is a signal, which has a picture of its own.
LENGTHS = ((300, 300), (5, 300), (5, 6), (300, 5))


def build_vectors(rng):
    return [
        {name: rng.normal(size=n).round(3).tolist() for name, n in zip("ab", pair, strict=True)}
        for pair in LENGTHS
    ]


def test_lines_with_pictures_of_other_inputs_each_have_their_own(
    call, pooling_model, tmp_path, rng
):
    written(tmp_path / "a.jsonl", build_vectors(rng))
    done = call("saliency", pooling_model, "a.jsonl", "--json")
    assert done.code == 0, done.err
    out = tmp_path / "inputgrad-out"
    names = ["a.0", "b.0", "a.1", "b.1", "2", "a.3", "b.3"]
    assert {n for n in files(out) if n.endswith("png")} == {
        f"a.jsonl.gradient.{name}.png" for name in names
    }
    assert [len(item.get("pictures", [item["picture"]])) for item in items(done)] == [2, 2, 1, 2]
    before = {path.name: path.read_bytes() for path in out.glob("*.png")}
    assert call("render", out).code == 0
    assert {path.name: path.read_bytes() for path in out.glob("*.png")} == before
    assert call("verify", out).code == 0
    assert call("report", out).code == 0


def test_items_of_a_folder_with_pictures_of_other_inputs_are_all_drawn(
    call, pooling_model, tmp_path, rng
):
    for index, vectors in enumerate(build_vectors(rng)):
        for name, values in vectors.items():
            (tmp_path / name).mkdir(exist_ok=True)
            np.save(tmp_path / name / f"{index}.npy", np.array(values, np.float32))
    done = call("saliency", pooling_model, "-i", "a=a", "-i", "b=b", "--json")
    assert done.code == 0, done.err
    assert [len(item.get("pictures", [item["picture"]])) for item in items(done)] == [2, 2, 1, 2]


def test_of_more_than_a_hundred_lines_none_is_drawn_unless_a_kind_is_named(call, model, tmp_path):
    written(tmp_path / "a.jsonl", [LINES[n % 2] for n in range(101)])
    result = call("saliency", model, "a.jsonl", "-o", "out")
    assert result.code == 0
    assert "files with more than 100 samples; --picture text draws one of each" in result.err
    names = {f"a.jsonl.gradient.{n:03}.npz" for n in range(101)}
    assert files(tmp_path / "out") == names | {"a.jsonl.gradient.tokens.csv"}
    again = call("render", "out")
    assert again.code == 5
    assert "more than 100 samples" in again.err
    assert files(tmp_path / "out") == names | {"a.jsonl.gradient.tokens.csv"}

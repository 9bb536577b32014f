"""Tables from the command line to the files: ids, pictures of rows, and what matters over all."""

import csv
import json

import keras
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from . import files, items, journal

L = keras.layers
WORDS = ("clerk", "nurse", "pilot")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a directory with a model of a column of words beside numbers, and its tables."""
    folder = tmp_path_factory.mktemp("tables")
    keras.utils.set_random_seed(2)
    job = keras.Input((1,), dtype="string", name="job")
    age, income = (keras.Input((1,), name=name) for name in ("age", "income"))
    code = L.CategoryEncoding(4, "one_hot")(L.StringLookup(vocabulary=list(WORDS))(job))
    y = L.Dense(6, "tanh")(L.Concatenate()([code, age, income]))
    keras.Model([job, age, income], L.Dense(1, "sigmoid")(y)).save(folder / "loan.keras")
    rng = np.random.default_rng(0)
    for count in (3, 30, 101):
        lines = ["id,age,job,income"]
        lines += [
            f"r{n},{rng.normal():.3f},{WORDS[n % 3]},{rng.normal():.3f}" for n in range(count)
        ]
        (folder / f"t{count}.csv").write_text("\n".join(lines))
    return folder


def build_words(folder, rows, *more):
    return ("saliency", folder / "loan.keras", folder / f"t{rows}.csv", *more)


def read_rows(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def read_kind(path):
    with Image.open(path) as picture:
        return json.loads(picture.info["inputgrad"])["kind"], picture.size


def test_a_row_has_one_picture_of_all_its_columns(call, folder, tmp_path):
    words = build_words(folder, 3, "-m", "integrated-gradients")
    result = call(*words, "--json")
    assert result.code == 0
    out = tmp_path / "inputgrad-out"
    names = {f"t3.csv.integrated-gradients.{row}.png" for row in range(3)}
    stem = "t3.csv.integrated-gradients"
    assert files(out) == names | {f"{stem}.npz", f"{stem}.csv"}
    assert {read_kind(out / name) for name in names} == {("bars", (704, 74 + 26 * 3))}
    assert [item["picture"] for item in items(result)] == [
        f"inputgrad-out/{name}" for name in sorted(names)
    ]
    assert not any("strongest" in item for item in items(result))


def test_the_rows_of_all_classes_are_tables_of_colours(call, folder, tmp_path):
    result = call(*build_words(folder, 3, "-m", "integrated-gradients", "-t", "all"), "--json")
    assert result.code == 0
    out = tmp_path / "inputgrad-out"
    for item in items(result):
        with Image.open(tmp_path / item["picture"]) as picture:
            facts = json.loads(picture.info["inputgrad"])
        assert facts["kind"] == "heat-table"
        assert sorted(facts["classes"]) == ["class:0", "class:1"]
    before = {path: path.read_bytes() for path in out.glob("*.png")}
    assert len(before) == 3
    assert call("render", out, "--top", "1").code == 0
    assert call("render", out, "--top", "10").code == 0
    assert {path: path.read_bytes() for path in before} == before


def test_the_table_says_whose_rows_they_are_and_how_they_add_up(call, folder, tmp_path):
    result = call(*build_words(folder, 3, "-m", "integrated-gradients:steps=200"), "--json")
    rows = read_rows(tmp_path / "inputgrad-out/t3.csv.integrated-gradients.csv")
    assert [row["id"] for row in rows] == ["r0", "r1", "r2"]
    assert [row["job"] for row in rows] == list(WORDS)
    for row, item in zip(rows, items(result), strict=True):
        assert float(row["score"]) == item["score"]
        expected = "class 1" if item["probability"] >= 0.5 else "class 0"
        assert row["prediction"] == expected
        total = sum(float(row[f"{name}:attribution"]) for name in ("age", "job", "income"))
        difference = float(row["score"]) - float(row["baseline_score"])
        assert total == pytest.approx(difference, rel=0.02, abs=1e-4)


def test_a_line_names_the_three_largest_contributions(call, folder):
    result = call(*build_words(folder, 3, "-m", "integrated-gradients"))
    assert result.err == "inputgrad: warning: t3.csv: columns that feed no input: id.\n"
    for line in result.out.splitlines():
        parts = line.split(".png  ")[1].split(", ")
        assert {part.split(" ")[0] for part in parts} == {"age", "job", "income"}
        sizes = [abs(float(part.split(" ")[1])) for part in parts]
        assert sizes == sorted(sizes, reverse=True)


def test_what_matters_over_all_rows_is_summed_up(call, folder, tmp_path):
    assert call(*build_words(folder, 30, "-m", "integrated-gradients")).code == 0
    out = tmp_path / "inputgrad-out"
    rows = read_rows(out / "t30.csv.integrated-gradients.csv")
    summary = read_rows(out / "t30.csv.integrated-gradients.summary.csv")
    for line in summary:
        values = np.array([float(row[f"{line['column']}:attribution"]) for row in rows])
        assert float(line["mean_magnitude"]) == pytest.approx(np.abs(values).mean(), rel=1e-4)
        assert float(line["mean"]) == pytest.approx(values.mean(), rel=1e-4, abs=1e-6)
    magnitudes = [float(line["mean_magnitude"]) for line in summary]
    assert magnitudes == sorted(magnitudes, reverse=True)
    assert sum(float(line["share"]) for line in summary) == pytest.approx(1, abs=1e-5)
    picture = out / "t30.csv.integrated-gradients.summary.png"
    assert read_kind(picture) == ("summary", (792, 121 + 37 * 3))


def test_gradients_have_no_share(call, folder, tmp_path):
    assert call(*build_words(folder, 30, "--picture", "none")).code == 0
    out = tmp_path / "inputgrad-out"
    assert {line["share"] for line in read_rows(out / "t30.csv.gradient.summary.csv")} == {""}
    assert not list(out.glob("*.png"))


@pytest.mark.parametrize("more", [(), ("--picture", "none"), ("--picture", "bars"), ("-t", "all")])
def test_a_dry_run_names_the_files(call, folder, tmp_path, more):
    for rows in (3, 30, 101):
        planned = call(*build_words(folder, rows, *more, "-n")).out.splitlines()[:-1]
        assert call(*build_words(folder, rows, *more)).code == 0
        written = {
            f"inputgrad-out/{n}" for n in files(tmp_path / "inputgrad-out") if f"t{rows}" in n
        }
        assert {line.split(" -> ")[1] for line in planned} == written


def test_rows_of_a_long_table_are_drawn_if_they_are_asked_for(call, folder, tmp_path):
    result = call(*build_words(folder, 101))
    assert result.code == 0
    assert "picture" not in result.err
    out = tmp_path / "inputgrad-out"
    assert [path.name for path in out.glob("*.png")] == ["t101.csv.gradient.summary.png"]
    assert call(*build_words(folder, 101, "--picture", "bars")).code == 0
    assert len(list(out.glob("*.png"))) == 102
    assert call("verify", out).code == 0


def test_a_summary_is_verified_and_drawn_again(call, folder, tmp_path):
    words = build_words(folder, 30, "-m", "integrated-gradients")
    assert call(*words).code == 0
    out = tmp_path / "inputgrad-out"
    assert call("verify", out).code == 0
    before = {path.name: path.read_bytes() for path in out.glob("*.png")}
    assert len(before) == 31
    for command in (("render", out), words):
        for name in before:
            (out / name).unlink()
        assert call("verify", out).code == 1
        assert call(*command).code == 0
        assert {path.name: path.read_bytes() for path in out.glob("*.png")} == before
        assert call("verify", out).code == 0


def test_pictures_are_drawn_without_the_table_as_well(call, folder, tmp_path):
    (tmp_path / "t.csv").write_bytes((folder / "t30.csv").read_bytes())
    assert call("saliency", folder / "loan.keras", "t.csv", "--picture", "none").code == 0
    (tmp_path / "t.csv").unlink()
    out = tmp_path / "inputgrad-out"
    assert call("render", out, "--picture", "bars").code == 0
    assert len(list(out.glob("*.png"))) == 31


def test_shares_of_tables_are_merged_with_their_summaries(call, folder, tmp_path):
    for rows in (3, 30):
        (tmp_path / f"t{rows}.csv").write_bytes((folder / f"t{rows}.csv").read_bytes())
    words = ("saliency", folder / "loan.keras", "t3.csv", "t30.csv")
    assert call(*words, "-o", "whole").code == 0
    for index in (0, 1):
        call(*words, "--shard", f"{index}/2", "-o", f"s{index}")
    assert call("merge", "s0", "s1").code == 0
    assert files(tmp_path / "s0") == files(tmp_path / "whole")
    assert call("verify", "s0").code == 0


def test_a_waterfall_needs_values_that_add_up(call, folder, tmp_path):
    both = ("-m", "integrated-gradients", "-m", "gradient", "--picture", "waterfall")
    result = call(*build_words(folder, 3, *both), "--json")
    out = tmp_path / "inputgrad-out"
    kinds = {
        method: {read_kind(path)[0] for path in out.glob(f"*.{method}.?.png")}
        for method in ("integrated-gradients", "gradient")
    }
    assert kinds == {"integrated-gradients": {"waterfall"}, "gradient": {"bars"}}
    (warning,) = [e for e in result.events("warning") if e["code"] == "picture-kind"]
    assert warning["input"] == "t3.csv"
    assert warning["message"].startswith("gradient: no waterfall")


def test_a_table_has_the_same_files_if_it_is_computed_again(call, folder, tmp_path):
    for out in "ab":
        assert call(*build_words(folder, 30, "-o", out)).code == 0
    for name in files(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert [line["drawn"] for line in journal(tmp_path / "a")] == [True]


@pytest.fixture
def rows(tmp_path):
    """Write a table with ids as CSV and as Parquet, and an array of as many samples."""
    values = np.random.default_rng(1).normal(size=(2, 25, 5)).astype(np.float32)
    columns = {"id": [f"r{n}" for n in range(25)]}
    columns |= {f"c{n}": values[0, :, n].tolist() for n in range(5)}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "rows.parquet")
    lines = [columns, *zip(*columns.values(), strict=True)]
    (tmp_path / "rows.csv").write_text("\n".join(",".join(map(str, line)) for line in lines))
    np.save(tmp_path / "x.npy", values[1])
    return columns


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("order", [1, -1])
def test_ids_and_names_stand_in_the_table_beside_another_file(
    call, samples, rows, tmp_path, suffix, order
):
    pairs = [("-i", f"input_a=rows.{suffix}"), ("-i", "input_b=x.npy")][::order]
    words = ("saliency", samples / "two_inputs.keras", *sum(pairs, ()), "--picture", "none")
    planned = call(*words, "-n").out.splitlines()[:-1]
    assert call(*words).code == 0
    out = tmp_path / "inputgrad-out"
    assert {line.split(" -> ")[1] for line in planned} == {f"inputgrad-out/{n}" for n in files(out)}
    (table,) = (path for path in out.glob("*.gradient.csv"))
    lines = read_rows(table)
    assert [line["id"] for line in lines] == rows["id"]
    assert [float(line["c2"]) for line in lines] == pytest.approx(rows["c2"])
    (summary,) = out.glob("*.summary.csv")
    columns = {line["column"] for line in read_rows(summary)}
    assert columns == {f"c{n}" for n in range(5)} | {f"input_b[{n}]" for n in range(5)}


def test_a_parquet_table_has_the_files_of_a_csv_table(call, folder, tmp_path):
    lines = read_rows(folder / "t30.csv")
    columns = {name: [line[name] for line in lines] for name in lines[0]}
    columns |= {name: [float(v) for v in columns[name]] for name in ("age", "income")}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "t30.parquet")
    words = ("saliency", folder / "loan.keras", "-m", "integrated-gradients", "--picture", "none")
    planned = call(*words, "t30.parquet", "-n").out.splitlines()[:-1]
    assert call(*words, "t30.parquet", "-o", "p").code == 0
    assert call(*words, folder / "t30.csv", "-o", "c").code == 0
    names = {n.replace("t30.csv", "t30.parquet") for n in files(tmp_path / "c")}
    assert files(tmp_path / "p") == names
    assert {line.split("inputgrad-out/")[1] for line in planned} == names
    for end in ("csv", "summary.csv"):
        first, second = (
            (tmp_path / out / f"t30.{kind}.integrated-gradients.{end}").read_text()
            for out, kind in (("p", "parquet"), ("c", "csv"))
        )
        assert first == second

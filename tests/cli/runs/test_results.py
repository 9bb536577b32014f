"""The arrays, the tables and what they say about themselves."""

import csv
import zipfile

import numpy as np
import pytest

from tests.cli import arrays, draw, items, metadata


@pytest.fixture
def table(samples):
    return samples / "sequential.keras", samples / "inputs/sequential.npy"


def first(tmp_path, pattern="*.npz", out="inputgrad-out"):
    return next(iter(sorted((tmp_path / out).rglob(pattern))))


def test_many_samples_are_one_file_with_the_sample_axis_first(call, table, tmp_path):
    call("saliency", *table)
    values = arrays(tmp_path / "inputgrad-out/sequential.npy.gradient.npz")
    assert list(values) == ["features"]
    assert values["features"].shape == (8, 10)
    assert values["features"].dtype == np.float32


def test_one_sample_has_no_leading_axis(call, table, tmp_path):
    np.save(tmp_path / "one.npy", np.load(table[1])[2])
    result = call("saliency", table[0], "one.npy", "--json")
    assert arrays(first(tmp_path))["features"].shape == (10,)
    assert [item["sample"] for item in items(result)] == [None]


def test_one_sample_and_a_batch_agree(call, table, tmp_path):
    np.save(tmp_path / "one.npy", np.load(table[1])[2])
    call("saliency", table[0], "one.npy", "-o", "a")
    call("saliency", *table, "-o", "b")
    single, many = (arrays(first(tmp_path, out=out))["features"] for out in "ab")
    np.testing.assert_allclose(many[2], single, rtol=1e-4, atol=1e-6)


def test_a_batch_of_one_keeps_its_axis(call, table, tmp_path):
    np.save(tmp_path / "one.npy", np.load(table[1])[:1])
    result = call("saliency", table[0], "one.npy", "--json")
    assert arrays(first(tmp_path))["features"].shape == (1, 10)
    assert [item["sample"] for item in items(result)] == [0]


def test_one_row_of_a_table_is_many_samples(call, table, tmp_path):
    row = ",".join("1" for _ in range(10))
    (tmp_path / "one.csv").write_text(",".join("abcdefghij") + "\n" + row + "\n")
    result = call("saliency", table[0], "one.csv", "--json")
    assert result.code == 0
    assert arrays(first(tmp_path))["features"].shape == (1, 10)
    assert [item["sample"] for item in items(result)] == [0]


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_a_table_gets_a_table_with_its_values_and_attributions(
    call, table, samples, tmp_path, suffix
):
    text = (samples / "inputs/sequential.csv").read_text()
    text = text if suffix == "csv" else text.replace(",", "\t")
    (tmp_path / f"t.{suffix}").write_text(text)
    assert call("saliency", table[0], f"t.{suffix}").code == 0
    result = (tmp_path / f"inputgrad-out/t.{suffix}.gradient.csv").read_text()
    header, *rows = list(csv.reader(result.splitlines()))
    pairs = [name for n in range(10) for name in (f"f{n}", f"f{n}:attribution")]
    assert header == ["prediction", "score", "baseline_score", *pairs]
    numbers = np.array([row[3:] for row in rows], "float32")
    np.testing.assert_array_equal(numbers[:, 1::2], arrays(first(tmp_path))["features"])
    given = np.loadtxt(text.replace("\t", ",").splitlines()[1:], "float32", delimiter=",")
    np.testing.assert_array_equal(numbers[:, ::2], given)
    assert [float(row[1]) for row in rows] == metadata(first(tmp_path))["score"]


def test_a_table_and_an_array_agree(call, table, samples, tmp_path):
    call("saliency", *table, "-o", "a")
    call("saliency", table[0], samples / "inputs/sequential.csv", "-o", "b")
    of_array, two = (arrays(first(tmp_path, out=out))["features"] for out in "ab")
    np.testing.assert_allclose(of_array, two, rtol=1e-4, atol=1e-6)


def test_a_byte_order_mark_and_quotes_in_a_header_are_read(call, table, tmp_path):
    header = ",".join(f'"a,{n}"' for n in range(10))
    (tmp_path / "t.csv").write_bytes(f"{header}\r\n{'1,' * 9}1\r\n".encode("utf-8-sig"))
    assert call("saliency", table[0], "t.csv").code == 0
    text = (tmp_path / "inputgrad-out/t.csv.gradient.csv").read_text()
    assert next(csv.reader(text.splitlines()))[3::2] == [f"a,{n}" for n in range(10)]


def test_all_puts_the_class_axis_first(call, samples, tmp_path):
    picture = samples / "inputs/shapes/00-cross.png"
    call("saliency", samples / "shapes.keras", picture, "-t", "all", "-o", "a")
    call("saliency", samples / "shapes.keras", picture, "-t", "class:2", "-o", "b")
    every = arrays(first(tmp_path, out="a"))["picture"]
    two = arrays(first(tmp_path, out="b"))["picture"]
    assert every.shape == (5, 64, 64, 3)
    np.testing.assert_allclose(every[2], two, rtol=1e-3, atol=1e-6)


def test_all_of_many_samples_puts_the_class_axis_second(call, samples, tmp_path):
    words = (samples / "two_heads.keras", samples / "inputs/two_heads.npy")
    assert call("saliency", *words, "-t", "kind/all").code == 0
    count = len(np.load(words[1]))
    assert arrays(first(tmp_path))["features"].shape == (count, 3, 6)


def test_the_archive_is_stored_and_undated(call, table, tmp_path):
    call("saliency", *table)
    with zipfile.ZipFile(first(tmp_path)) as archive:
        for member in archive.infolist():
            assert member.compress_type == zipfile.ZIP_STORED
            assert member.date_time == (1980, 1, 1, 0, 0, 0)


@pytest.mark.parametrize("method", ["gradient", "integrated-gradients", "smoothgrad:samples=4"])
def test_the_same_call_gives_the_same_bytes(call, samples, tmp_path, method):
    words = (samples / "shapes.keras", samples / "inputs/shapes/03-cross.png", "-m", method)
    for out in ("a", "b/deeper"):
        assert call("saliency", *words, "-o", out).code == 0
    for pattern in ("*.npz", "*.png"):
        shallow, two = (first(tmp_path, pattern, out) for out in ("a", "b/deeper"))
        assert shallow.read_bytes() == two.read_bytes()


def test_another_place_of_model_and_input_gives_the_same_bytes(call, table, tmp_path):
    (tmp_path / "m.keras").write_bytes(table[0].read_bytes())
    (tmp_path / "sequential.npy").write_bytes(table[1].read_bytes())
    call("saliency", *table, "-o", "a")
    call("saliency", "m.keras", "sequential.npy", "-o", "b")
    assert first(tmp_path, out="a").read_bytes() == first(tmp_path, out="b").read_bytes()


def test_metadata_of_one_sample(call, samples, tmp_path):
    draw(tmp_path / "a.png")
    call("saliency", samples / "shapes.keras", "a.png", "-m", "integrated-gradients", "--seed", "7")
    record = metadata(first(tmp_path))
    assert record["schema"] == 1
    assert record["method"]["name"] == "integrated-gradients"
    assert record["method"]["parameters"]["rule"] == "midpoint"
    assert record["target"]["asked"] == "auto"
    assert isinstance(record["target"]["index"], list)
    assert record["space"] == "logit"
    assert isinstance(record["score"], float)
    assert isinstance(record["baseline_score"], float)
    assert record["checks"]["completeness"]["ok"] is True
    assert record["preprocess"]["picture"]["name"] == "raw"
    assert record["seed"] == 7
    assert len(record["model"]["sha256"]) == 64
    assert {"inputgrad", "keras", "tensorflow", "numpy"} <= set(record["versions"])


def test_metadata_of_many_samples_is_lists_in_sample_order(call, table, tmp_path):
    result = call("saliency", *table, "--json")
    record = metadata(first(tmp_path))
    assert record["score"] == [item["score"] for item in items(result)]
    assert len(record["checks"]) == 8 or len(record["checks"]["finite"]) == 8


def test_metadata_holds_no_place_time_or_host(call, table, tmp_path):
    call("saliency", *table)
    with zipfile.ZipFile(first(tmp_path)) as archive:
        text = archive.read("metadata.json").decode()
    assert str(tmp_path) not in text
    assert str(table[0].parent) not in text


def test_results_carry_the_umasks_permissions(call, table, tmp_path):
    (tmp_path / "plain").write_text("")
    call("saliency", *table)
    assert first(tmp_path).stat().st_mode == (tmp_path / "plain").stat().st_mode

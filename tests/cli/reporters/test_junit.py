"""The JUnit file: what a CI system shows of a run."""

import os
from xml.etree import ElementTree

import pytest

from tests.cli import draw, stream


@pytest.fixture
def read(tmp_path):
    """Read the file as a strict parser does: numbers, and the cases by name."""

    def read(path="j.xml"):
        root = ElementTree.fromstring((tmp_path / path).read_bytes())
        (suite,) = root
        assert root.tag == "testsuites"
        counts = {k: int(suite.get(k)) for k in ("tests", "failures", "errors", "skipped")}
        cases = suite.findall("testcase")
        tag_counts = [len(cases)] + [
            len(suite.findall(f"testcase/{tag}")) for tag in ("failure", "error", "skipped")
        ]
        assert list(counts.values()) == tag_counts
        return counts, {case.get("name"): case for case in cases}

    return read


@pytest.fixture
def table(samples):
    return "saliency", samples / "sequential.keras", samples / "inputs/sequential.npy"


def test_a_case_a_sample_of_every_map(call, table, read):
    result = call(*table, "-t", "sum", "-t", "mean", "--junit", "j.xml")
    assert result.code == 0
    counts, cases = read()
    assert counts == {"tests": 16, "failures": 0, "errors": 0, "skipped": 0}
    assert "sequential.npy#3 sum" in cases
    assert {case.get("classname") for case in cases.values()} == {"inputgrad.gradient"}
    assert all(float(case.get("time")) >= 0 for case in cases.values())


def test_what_was_done_before_is_skipped(call, table, read):
    call(*table)
    call(*table, "--junit", "j.xml")
    assert read()[0]["skipped"] == read()[0]["tests"] == 8


def test_a_failure_has_kind_and_message(call, samples, tmp_path, read):
    draw(tmp_path / "in/a.png")
    (tmp_path / "in/b.png").write_text("no picture")
    assert call("saliency", samples / "shapes.keras", "in", "--junit", "deep/j.xml").code == 3
    counts, cases = read("deep/j.xml")
    assert (counts["tests"], counts["failures"]) == (2, 1)
    (failure,) = cases["b.png auto"]
    assert failure.get("type") == "unreadable"
    assert "in/b.png" in failure.get("message")


def test_it_is_there_when_every_item_fails(call, samples, tmp_path, read):
    (tmp_path / "b.png").write_text("no picture")
    assert call("saliency", samples / "shapes.keras", "b.png", "--junit", "j.xml").code == 3
    assert read()[0] == {"tests": 1, "failures": 1, "errors": 0, "skipped": 0}


def test_hostile_names_are_harmless(call, samples, tmp_path, read):
    names = ["<script>alert(1)&.png", "a\x1b[31m\n\x01.png", os.fsdecode(b"caf\xe9.png")]
    for name in [*names, "\ufffe.png"]:
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("no ]]> picture")
    assert call("saliency", samples / "shapes.keras", "in", "--junit", "j.xml").code == 3
    counts, cases = read()
    assert counts["failures"] == 4
    assert "<script>alert(1)&.png auto" in cases
    assert b"<script" not in (tmp_path / "j.xml").read_bytes()
    assert b"\x1b" not in (tmp_path / "j.xml").read_bytes()


@pytest.mark.parametrize(
    ("words", "kind", "code"), [(["-t", "class:9"], "usage", 2), (["nowhere.npy"], "usage", 2)]
)
def test_an_error_of_the_run_is_a_case(call, table, read, words, kind, code):
    result = call(*table, *words, "--junit", "j.xml")
    assert result.code == code
    counts, cases = read()
    assert counts["errors"] == 1
    (error,) = cases["run"]
    assert error.get("type") == kind
    assert error.get("message") in result.err


def test_a_model_that_cannot_be_used_is_a_case(call, table, read):
    assert call("saliency", "nowhere.keras", table[2], "--junit", "j.xml").code == 4
    assert read()[0]["errors"] == 1


def test_a_check_that_fails_is_a_failure_under_strict_alone(call, samples, read):
    picture = samples / "inputs/shapes/00-cross.png"
    words = ("saliency", samples / "shapes.keras", picture, "-m", "integrated-gradients:steps=10")
    assert call(*words, "--junit", "j.xml", "-o", "a").code == 0
    assert read()[0]["failures"] == 0
    assert call(*words, "--junit", "j.xml", "-o", "b", "--strict").code == 1
    assert read()[0]["failures"] == 1


def test_a_directory_is_refused_before_work(call, table, tmp_path):
    result = call(*table, "--junit", ".")
    assert result.code == 2
    assert "--junit" in result.err
    assert not (tmp_path / "inputgrad-out").exists()


def test_a_place_that_takes_no_file_is_74_and_the_summary_is_last(call, table, tmp_path):
    (tmp_path / "file").write_text("in the way")
    result = call(*table, "--junit", "file/j.xml", "--json")
    assert result.code == 74
    assert "--junit" in result.err
    assert [line["type"] for line in stream(result)][-2:] == ["error", "summary"]
    assert [line["type"] for line in stream(result)].count("summary") == 1


def test_a_dry_run_writes_none(call, table, tmp_path):
    assert call(*table, "--junit", "j.xml", "-n").code == 0
    assert not (tmp_path / "j.xml").exists()

"""Names that meet in one place, and runs that meet in one directory."""

import os
import unicodedata

import pytest

from tests.cli import items

from .conftest import draw, draw_many
from .invariants import content, lines, results

WORDS = ("saliency", "m.keras", "in", "--json", "--picture", "none")


def test_twins(tool, folder):
    """Case 35: one name in two folders, two suffixes, two cases, two forms of one letter."""
    names = ["a/x.png", "b/x.png", "c/x.png", "c/x.jpg", "c/X.png", "c/x.PNG"]
    names += [unicodedata.normalize(form, "d/é.png") for form in ("NFC", "NFD")]
    for seed, name in enumerate(names):
        draw(folder / "in" / name, seed)
    there = sum(len(files) for _, _, files in os.walk(folder / "in"))
    result = tool(*WORDS)
    if there < len(names):  # this file system takes some of them for one
        assert result.code in (0, 2)
        return
    assert result.code == 0
    assert {item["input"] for item in items(result)} == set(names)
    assert len(results(folder / "inputgrad-out")) == len(names)


def test_one_file_by_several_ways(tool, folder):
    """Case 36: `a`, `./a`, `x/../a` and its directory are one item; a link has its own name."""
    draw(folder / "in/a.png")
    (folder / "in/x").mkdir()
    (folder / "in/link.png").symlink_to("a.png")
    ways = ("in", "in/a.png", "./in/a.png", "in/x/../a.png", folder / "in/a.png")
    result = tool("saliency", "m.keras", *ways, "--json", "--picture", "none")
    assert result.code == 0
    assert [item["input"] for item in items(result)] == ["a.png", "link.png"]
    out = folder / "inputgrad-out"
    assert len(set(results(out).values())) == 1
    assert len(lines(out)) == 2


def test_markup_in_names(tool, folder):
    """Case 37: what a page would run, and what a shell would."""
    names = ["<script>alert(1)<", "$(touch ran)", "`touch ran`", "; touch ran", "&amp;'\"", "%00"]
    for seed, name in enumerate(names):
        draw(folder / "in" / f"{name}.png", seed)
    result = tool(*WORDS, "--junit", "j.xml")
    assert result.code == 0
    assert {item["input"] for item in items(result)} == {f"{name}.png" for name in names}
    assert "<script>" not in (folder / "j.xml").read_text()
    assert not list(folder.rglob("ran"))
    assert {item["status"] for item in items(tool(*WORDS))} == {"skipped"}


def test_the_output_inside_the_input(tool, folder):
    """Case 42: results are never inputs, wherever the output stands."""
    names = draw_many(folder / "in", 3)
    words = ("saliency", "m.keras", "in", "--json", "--zoom", "1")
    for status in ("ok", "skipped"):
        statuses = {
            item["input"]: item["status"] for item in items(tool(*words, "-o", "in/0/maps"))
        }
        assert statuses == dict.fromkeys(names, status)
    assert len(results(folder / "in/0/maps")) == 6


@pytest.mark.parametrize("words", [("in", "-o", "in"), ("in/a", "in/b", "-o", "in")])
def test_results_beside_inputs_are_refused(tool, folder, words):
    """Case 42: where the next call would take the results for inputs, it is 2 before work."""
    for name in "ab":
        draw(folder / "in" / name / "x.png")
    before = content(folder)
    result = tool("saliency", "m.keras", *words, "--json", sealed=True)
    assert result.code == 2
    assert "--out in" in result.err
    assert content(folder) == before
    assert tool("saliency", "m.keras", "in/a/x.png", "-o", "in/a").code == 0


def test_two_runs_in_one_directory(start, tool, folder):
    """Case 32: the second ends with 75 and names the first, which goes on unharmed."""
    names = draw_many(folder / "in", 16)
    assert tool(*WORDS, "-o", "clean", "--batch-size", "2").code == 0
    process = start(*WORDS, "-o", "out", "--batch-size", "2", seconds=0.1)
    while not lines(folder / "out"):
        assert process.poll() is None
    for _ in range(3):
        result = tool(*WORDS, "-o", "out", sealed=True)
        assert result.code == 75
        assert str(process.pid) in result.err
        assert os.uname().nodename in result.err
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert results(folder / "out") == results(folder / "clean")
    assert {line["input"] for line in lines(folder / "out")} == set(names)
    assert not [name for name in content(folder / "out") if name.endswith(".tmp")]

"""Files that a new line of the journal lists no more go after it, so a kill leaves no gap."""

import shutil

import numpy as np
import pytest

from tests.cli import items, strict

from .conftest import draw
from .invariants import lines, results

SALIENCY = ("saliency", "m.keras", "in", "--json", "--zoom", "1", "-o", "out")
MANY = ("saliency", "m.keras", "many.npy", "--json", "--zoom", "1", "-o", "out")
CASES = {
    "fewer samples": (MANY, MANY),
    "fewer pictures": ((*SALIENCY, "--picture", "grid"), (*SALIENCY, "--picture", "overlay")),
    "drawn again": ((*SALIENCY, "--picture", "grid"), ("render", "out", "--picture", "heatmap")),
}

REPLACED = {
    "other colours": (*SALIENCY, "--cmap", "jet"),
    "other input": SALIENCY,
    "rendered": ("render", "out", "--cmap", "jet"),
}


def save_samples(folder, count):
    values = np.random.default_rng(0).uniform(60, 180, (count, 8, 8, 3))
    np.save(folder / "many.npy", values.astype(np.float32))


def list_missing(out):
    """Return the files that the latest line of a map lists and that are not there."""
    latest = {line["stem"]: line for line in lines(out)}
    names = [file["path"] for line in latest.values() for file in line.get("files", ())]
    return [name for name in names if not (out / name).exists()]


def list_faults(tool):
    """Return the kinds of the faults that `verify` finds, which are the same the second time."""
    first, second = (tool("verify", "out", "--json") for _ in range(2))
    assert first.out == second.out
    kinds = [file["kind"] for file in strict(first.out)["bad"]]
    assert first.code == (1 if kinds else 0)
    return kinds


@pytest.mark.parametrize("case", REPLACED)
def test_a_file_that_a_kill_has_left_without_its_line_is_unfinished(tool, folder, case):
    """Case 2: at every moment; `verify` calls no whole file changed, and the next call goes on."""
    draw(folder / "in/a.png")
    assert tool(*SALIENCY).code == 0
    out, before = folder / "out", folder / "before"
    shutil.copytree(out, before)
    if case == "other input":
        draw(folder / "in/a.png", seed=1)
    assert tool(*REPLACED[case]).code == 0
    clean, report, faults = results(out), folder / "report", []
    assert clean.keys() == results(before).keys()
    assert clean != results(before)
    for at in range(1, 80):
        shutil.rmtree(out)
        shutil.copytree(before, out)
        fault = {"folder": str(out), "report": str(report), "at": at, "effect": "kill"}
        tool(*REPLACED[case], fault={**fault, "only": "replace,unlink,write"})
        if not report.exists():
            break
        report.unlink()
        kinds = list_faults(tool)
        assert set(kinds) <= {"unfinished"}, at
        faults += kinds
        again = tool(*REPLACED[case])
        if case == "other colours":
            assert {item["status"] for item in items(again)} == {"skipped"}, "no map is lost"
        assert results(out) == clean, at
        assert list_faults(tool) == [], at
    assert faults, "no file was replaced before its line"
    assert not report.exists()


def test_a_file_that_is_changed_and_not_pending_is_called_so(tool, folder):
    draw(folder / "in/a.png")
    assert tool(*SALIENCY).code == 0
    (path,) = (folder / "out").glob("*.png")
    path.write_bytes(path.read_bytes()[:-1])
    assert list_faults(tool) == ["changed"]
    (folder / "out/.pending").write_bytes(path.name.encode() + b"\0")
    assert list_faults(tool) == ["unfinished"]


@pytest.mark.parametrize("case", CASES)
def test_a_kill_at_no_moment_leaves_a_file_missing(tool, folder, case):
    first, second = CASES[case]
    draw(folder / "in/a.png")
    save_samples(folder, 4)
    assert tool(*first).code == 0
    out, before = folder / "out", folder / "before"
    shutil.copytree(out, before)
    save_samples(folder, 2)
    assert tool(*second).code == 0
    clean = results(out)
    assert set(results(before)) - set(clean), "nothing is outdated, so nothing is shown"
    report, killed = folder / "report", []
    for at in range(1, 60):
        shutil.rmtree(out)
        shutil.copytree(before, out)
        fault = {"folder": str(out), "report": str(report), "at": at, "effect": "kill"}
        tool(*second, fault={**fault, "only": "unlink,write"})
        if not report.exists():
            break
        killed.append(report.read_text().split()[0])
        report.unlink()
        assert list_missing(out) == [], (at, killed[-1])
        kinds = list_faults(tool)
        assert kinds == [] or case == "fewer samples", (at, killed[-1])
        assert set(kinds) <= {"unfinished"}, "arrays are replaced before their line"
        assert tool(*second).code == 0
        assert results(out) == clean, (at, killed[-1])
    assert {"unlink", "write"} <= set(killed)
    assert not report.exists()


@pytest.mark.parametrize("is_changed", [False, True])
def test_what_a_kill_has_left_goes_only_if_it_is_as_it_was(tool, folder, is_changed):
    draw(folder / "in/a.png")
    assert tool(*SALIENCY, "--picture", "grid").code == 0
    (grid,) = (folder / "out").glob("*.grid.png")
    left = grid.read_bytes()
    assert tool(*SALIENCY, "--picture", "overlay").code == 0
    assert not grid.exists()
    grid.write_bytes(b"mine" if is_changed else left)
    assert tool(*SALIENCY, "--picture", "overlay").code == 0
    assert grid.exists() == is_changed

"""Files that a new line of the journal lists no more go after it, so a kill leaves no gap."""

import shutil

import numpy as np
import pytest

from .conftest import draw
from .invariants import lines, results

SALIENCY = ("saliency", "m.keras", "in", "--json", "--zoom", "1", "-o", "out")
MANY = ("saliency", "m.keras", "many.npy", "--json", "--zoom", "1", "-o", "out")
CASES = {
    "fewer samples": (MANY, MANY),
    "fewer pictures": ((*SALIENCY, "--picture", "grid"), (*SALIENCY, "--picture", "overlay")),
    "drawn again": ((*SALIENCY, "--picture", "grid"), ("render", "out", "--picture", "heatmap")),
}


def save_samples(folder, count):
    values = np.random.default_rng(0).uniform(60, 180, (count, 8, 8, 3))
    np.save(folder / "many.npy", values.astype(np.float32))


def list_missing(out):
    """Return the files that the latest line of a map lists and that are not there."""
    latest = {line["stem"]: line for line in lines(out)}
    names = [file["path"] for line in latest.values() for file in line.get("files", ())]
    return [name for name in names if not (out / name).exists()]


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
        if case != "fewer samples":  # whose arrays are replaced before their line
            assert tool("verify", "out").code == 0, (at, killed[-1])
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

"""Inputs that are broken, closed, vanish or change; gradients that are no numbers."""

import os
import subprocess
import sys
import time
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from tests.cli import items, metadata

from .conftest import draw, draw_many
from .invariants import lines, results

SWAP = """
import os, pathlib
both = [pathlib.Path(f"{seed}.png").read_bytes() for seed in (0, 1)]
while True:
    for data in both:
        pathlib.Path("next").write_bytes(data)
        os.replace("next", "in/a.png")
"""
WORDS = ("saliency", "m.keras", "in", "--json", "--zoom", "1")


def states(result):
    """Return the status of each item on the stream."""
    return {item["input"]: item["status"] for item in items(result)}


def test_a_file_that_may_not_be_read_fails_alone(tool, folder):
    """Case 12: chmod 000, without root's powers."""
    names = draw_many(folder / "in", 5)
    (folder / "in" / names[2]).chmod(0)
    result = tool(*WORDS, plain=True)
    assert result.code == 3
    statuses = states(result)
    assert statuses.pop(names[2]) == "failed"
    assert set(statuses.values()) == {"ok"}
    assert "ermission" in result.out


def test_three_bad_files_among_many(tool, folder):
    """Case 13: a truncated one, text, and nothing; all others done, each named with its reason."""
    names = draw_many(folder / "in", 200, folders=4)
    cut, text, empty = (folder / "in" / name for name in names[50:53])
    cut.write_bytes(cut.read_bytes()[:90])
    text.write_text("no picture")
    empty.write_bytes(b"")
    result = tool(*WORDS, "--junit", "j.xml", "--picture", "none")
    assert result.code == 3
    failed = {i["input"]: i["error"] for i in items(result) if i["status"] == "failed"}
    assert set(failed) == set(names[50:53])
    for name, error in failed.items():
        assert error["kind"]
        assert name in error["message"]
    summary = result.events("summary")[0]
    assert (summary["ok"], summary["failed"]) == (197, 3)
    assert len(results(folder / "inputgrad-out")) == 197
    assert sum(line["status"] == "failed" for line in lines(folder / "inputgrad-out")) == 3
    suite = ElementTree.parse(folder / "j.xml").getroot()
    assert len(suite.findall(".//failure") + suite.findall(".//error")) == 3
    for seed, path in enumerate((cut, text, empty)):
        draw(path, seed)
    again = tool(*WORDS, "--picture", "none")
    summary = again.events("summary")[0]
    assert (again.code, summary["ok"], summary["skipped"]) == (0, 3, 197)


def test_nothing_but_bad_files(tool, folder):
    """Case 14: exit 3, none is ok, no empty heatmap."""
    for index in range(4):
        (folder / "in").mkdir(exist_ok=True)
        (folder / f"in/{index}.png").write_text("no picture")
    result = tool(*WORDS)
    assert result.code == 3
    summary = result.events("summary")[0]
    assert (summary["ok"], summary["failed"]) == (0, 4)
    assert results(folder / "inputgrad-out") == {}


@pytest.mark.parametrize(("option", "most"), [(("--fail-fast",), 1), (("--max-failures", 2), 2)])
def test_a_limit_of_failures(tool, folder, option, most):
    """Case 15: it stops there, with what was under way recorded; the next call does the rest."""
    names = draw_many(folder / "in", 40)
    bad = names[10:13]
    for name in bad:
        (folder / "in" / name).write_text("no picture")
    result = tool(*WORDS, *option, "--batch-size", "4")
    assert result.code == 3
    statuses = states(result)
    assert most <= list(statuses.values()).count("failed") <= len(bad)
    assert len(statuses) < 40
    known = {line["input"]: line["status"] for line in lines(folder / "inputgrad-out")}
    assert known == statuses
    for seed, name in enumerate(bad):
        draw(folder / "in" / name, seed)
    again = tool(*WORDS)
    assert again.code == 0
    assert {n for n, s in states(again).items() if s == "skipped"} == {
        n for n, s in statuses.items() if s == "ok"
    }


def test_a_file_that_vanishes_after_it_was_found(start, folder):
    """Case 16: removed while the run is at others."""
    names = draw_many(folder / "in", 60)
    process = start(*WORDS, "--batch-size", "2", seconds=0.03)
    until = time.monotonic() + 30
    while not lines(folder / "inputgrad-out"):
        assert time.monotonic() < until
        time.sleep(0.005)
    (folder / "in" / names[-1]).unlink()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 3, err
    known = {line["input"]: line for line in lines(folder / "inputgrad-out")}
    assert set(known) == set(names)
    assert known[names[-1]]["status"] == "failed"
    assert os.strerror(2) in known[names[-1]]["error"]["message"]
    assert sum(line["status"] == "ok" for line in known.values()) == 59


def test_what_is_hashed_is_what_was_used(tool, folder):
    """Case 18: two pictures take turns under one name while it is read; hash and bytes agree."""
    marks = {}
    for seed in (0, 1):
        draw(folder / "in/a.png", seed)
        assert tool(*WORDS, "-o", f"clean{seed}").code == 0
        (line,) = lines(folder / f"clean{seed}")
        marks[line["fingerprint"]] = results(folder / f"clean{seed}")
    assert len(marks) == 2
    for seed in (0, 1):
        draw(folder / f"{seed}.png", seed)
    with subprocess.Popen([sys.executable, "-c", SWAP], cwd=folder) as swapping:
        try:
            for turn in range(25):
                assert tool(*WORDS, "-o", f"turn{turn}").code == 0
                (line,) = lines(folder / f"turn{turn}")
                assert results(folder / f"turn{turn}") == marks[line["fingerprint"]]
        finally:
            swapping.kill()


def test_times_of_files_decide_nothing(tool, folder):
    """Cases 17, 49: a clock that jumped; content alone tells what has changed."""
    names = draw_many(folder / "in", 4)
    assert tool(*WORDS).code == 0
    for when in (0, 4_000_000_000):
        for path in [*folder.rglob("*.p*"), *folder.rglob("*.npz"), *folder.rglob("*.json*")]:
            os.utime(path, (when, when))
        assert set(states(tool(*WORDS)).values()) == {"skipped"}
    changed = folder / "in" / names[1]
    before = changed.stat()
    data = bytearray(changed.read_bytes())
    Image.fromarray(np.full((8, 8, 3), 9, np.uint8)).save(changed)
    assert changed.read_bytes() != data
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
    statuses = states(tool(*WORDS))
    assert statuses.pop(names[1]) == "ok"
    assert set(statuses.values()) == {"skipped"}


def plain_picture(path, value):
    """Save a picture of one value."""
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(path)


def test_a_gradient_that_is_not_finite(tool, folder):
    """Case 44: no map and no picture, but a failed item; the others are done."""
    plain_picture(folder / "in/white.png", 255)
    draw(folder / "in/plain.png")
    result = tool(*WORDS, "--preprocess", "raw")
    assert result.code == 3
    out = folder / "inputgrad-out"
    assert not list(out.glob("white.png*"))
    by_name = {item["input"]: item for item in items(result)}
    assert by_name["white.png"]["error"]["kind"] == "nonfinite"
    assert by_name["plain.png"]["checks"]["finite"] is True
    assert metadata(out / "plain.png.gradient.npz")["checks"]["finite"] is True


def test_a_gradient_of_zeros(tool, folder):
    """Case 45: a neutral heatmap, a warning, no division by zero."""
    plain_picture(folder / "in/black.png", 0)
    result = tool(*WORDS, "--picture", "heatmap")
    assert result.code == 0
    assert "zero everywhere" in result.err  # warnings are told in words beside the stream
    (item,) = items(result)
    assert item["checks"]["zero"] is True
    assert [w["input"] for w in result.events("warning")] == ["black.png"]
    with Image.open(
        item["picture"] if os.path.isabs(item["picture"]) else folder / item["picture"]
    ) as p:
        assert len(p.convert("RGB").getcolors()) == 1

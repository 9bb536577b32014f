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


def test_a_file_that_may_not_be_read_fails_alone(tool, place):
    """Case 12: chmod 000, without root's powers."""
    names = draw_many(place / "in", 5)
    (place / "in" / names[2]).chmod(0)
    result = tool(*WORDS, plain=True)
    assert result.code == 3
    found = states(result)
    assert found.pop(names[2]) == "failed"
    assert set(found.values()) == {"ok"}
    assert "ermission" in result.out


def test_three_bad_files_among_many(tool, place):
    """Case 13: a truncated one, text, and nothing; all others done, each named with its reason."""
    names = draw_many(place / "in", 200, folders=4)
    cut, text, empty = (place / "in" / name for name in names[50:53])
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
    assert len(results(place / "inputgrad-out")) == 197
    assert sum(line["status"] == "failed" for line in lines(place / "inputgrad-out")) == 3
    suite = ElementTree.parse(place / "j.xml").getroot()
    assert len(suite.findall(".//failure") + suite.findall(".//error")) == 3
    for seed, path in enumerate((cut, text, empty)):
        draw(path, seed)
    again = tool(*WORDS, "--picture", "none")
    summary = again.events("summary")[0]
    assert (again.code, summary["ok"], summary["skipped"]) == (0, 3, 197)


def test_nothing_but_bad_files(tool, place):
    """Case 14: exit 3, none is ok, no empty heatmap."""
    for number in range(4):
        (place / "in").mkdir(exist_ok=True)
        (place / f"in/{number}.png").write_text("no picture")
    result = tool(*WORDS)
    assert result.code == 3
    summary = result.events("summary")[0]
    assert (summary["ok"], summary["failed"]) == (0, 4)
    assert results(place / "inputgrad-out") == {}


@pytest.mark.parametrize(("option", "most"), [(("--fail-fast",), 1), (("--max-failures", 2), 2)])
def test_a_limit_of_failures(tool, place, option, most):
    """Case 15: it stops there, with what was under way recorded; the next call does the rest."""
    names = draw_many(place / "in", 40)
    bad = names[10:13]
    for name in bad:
        (place / "in" / name).write_text("no picture")
    result = tool(*WORDS, *option, "--batch-size", "4")
    assert result.code == 3
    told = states(result)
    assert most <= list(told.values()).count("failed") <= len(bad)
    assert len(told) < 40
    known = {line["input"]: line["status"] for line in lines(place / "inputgrad-out")}
    assert known == told
    for seed, name in enumerate(bad):
        draw(place / "in" / name, seed)
    again = tool(*WORDS)
    assert again.code == 0
    assert {n for n, s in states(again).items() if s == "skipped"} == {
        n for n, s in told.items() if s == "ok"
    }


def test_a_file_that_vanishes_after_it_was_found(start, place):
    """Case 16: removed while the run is at others."""
    names = draw_many(place / "in", 60)
    made = start(*WORDS, "--batch-size", "2", seconds=0.03)
    until = time.monotonic() + 30
    while not lines(place / "inputgrad-out"):
        assert time.monotonic() < until
        time.sleep(0.005)
    (place / "in" / names[-1]).unlink()
    _, err = made.communicate(timeout=30)
    assert made.returncode == 3, err
    known = {line["input"]: line for line in lines(place / "inputgrad-out")}
    assert set(known) == set(names)
    assert known[names[-1]]["status"] == "failed"
    assert os.strerror(2) in known[names[-1]]["error"]["message"]
    assert sum(line["status"] == "ok" for line in known.values()) == 59


def test_what_is_hashed_is_what_was_used(tool, place):
    """Case 18: two pictures take turns under one name while it is read; hash and bytes agree."""
    marks = {}
    for seed in (0, 1):
        draw(place / "in/a.png", seed)
        assert tool(*WORDS, "-o", f"clean{seed}").code == 0
        (line,) = lines(place / f"clean{seed}")
        marks[line["fingerprint"]] = results(place / f"clean{seed}")
    assert len(marks) == 2
    for seed in (0, 1):
        draw(place / f"{seed}.png", seed)
    with subprocess.Popen([sys.executable, "-c", SWAP], cwd=place) as swapping:
        try:
            for turn in range(25):
                assert tool(*WORDS, "-o", f"turn{turn}").code == 0
                (line,) = lines(place / f"turn{turn}")
                assert results(place / f"turn{turn}") == marks[line["fingerprint"]]
        finally:
            swapping.kill()


def test_times_of_files_decide_nothing(tool, place):
    """Cases 17, 49: a clock that jumped; content alone tells what has changed."""
    names = draw_many(place / "in", 4)
    assert tool(*WORDS).code == 0
    for when in (0, 4_000_000_000):
        for path in [*place.rglob("*.p*"), *place.rglob("*.npz"), *place.rglob("*.json*")]:
            os.utime(path, (when, when))
        assert set(states(tool(*WORDS)).values()) == {"skipped"}
    changed = place / "in" / names[1]
    before = changed.stat()
    data = bytearray(changed.read_bytes())
    Image.fromarray(np.full((8, 8, 3), 9, np.uint8)).save(changed)
    assert changed.read_bytes() != data
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
    found = states(tool(*WORDS))
    assert found.pop(names[1]) == "ok"
    assert set(found.values()) == {"skipped"}


def plain_picture(path, value):
    """Save a picture of one value."""
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(path)


def test_a_gradient_that_is_not_finite(tool, place):
    """Case 44: no map and no picture, but a failed item; the others are done."""
    plain_picture(place / "in/white.png", 255)
    draw(place / "in/plain.png")
    result = tool(*WORDS, "--preprocess", "raw")
    assert result.code == 3
    out = place / "inputgrad-out"
    assert not list(out.glob("white.png*"))
    found = {item["input"]: item for item in items(result)}
    assert found["white.png"]["error"]["kind"] == "nonfinite"
    assert found["plain.png"]["checks"]["finite"] is True
    assert metadata(out / "plain.png.gradient.npz")["checks"]["finite"] is True


def test_a_gradient_of_zeros(tool, place):
    """Case 45: a neutral heatmap, a warning, no division by zero."""
    plain_picture(place / "in/black.png", 0)
    result = tool(*WORDS, "--picture", "heatmap")
    assert result.code == 0
    assert "zero everywhere" in result.err  # warnings are told in words beside the stream
    (item,) = items(result)
    assert item["checks"]["zero"] is True
    assert [w["input"] for w in result.events("warning")] == ["black.png"]
    with Image.open(
        item["picture"] if os.path.isabs(item["picture"]) else place / item["picture"]
    ) as p:
        assert len(p.convert("RGB").getcolors()) == 1

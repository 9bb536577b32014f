"""Disks that are full, closed, or refuse: real limits, real permissions."""

import errno
import os
import subprocess
import sys

import pytest

from .conftest import draw, draw_many
from .invariants import Whole, content, lines, results

WORDS = ("saliency", "m.keras", "in", "--json", "--picture", "none", "--batch-size", "2")


@pytest.fixture
def names(folder):
    """Return the names of the inputs."""
    return draw_many(folder / "in", 12, folders=2)


def test_arrays_larger_than_a_file_may_be(tool, whole):
    """Cases 6, 9: EFBIG in the middle of an array, under RLIMIT_FSIZE."""
    smallest = min(path.stat().st_size for path in (whole.folder / "clean").rglob("*.npz"))
    result = tool(*WORDS, "-o", "out", largest=smallest - 100)
    whole.check(result)
    assert result.code == 74
    assert os.strerror(errno.EFBIG) in result.err
    assert len(result.err.splitlines()) == 1
    assert results(whole.out) == {}
    assert not [name for name in content(whole.out) if name.endswith(".tmp")]
    whole.check_end(tool(*WORDS, "-o", "out"))


def test_a_journal_that_can_grow_no_more(tool, whole):
    """Case 7: EFBIG in the middle of a journal line; what is done is kept and not done again."""
    largest = max(path.stat().st_size for path in (whole.folder / "clean").rglob("*.npz"))
    largest = max(largest, (whole.folder / "clean/run.json").stat().st_size) + 200
    assert (whole.folder / "clean/journal.jsonl").stat().st_size > largest
    result = tool(*WORDS, "-o", "out", largest=largest)
    whole.check(result)
    assert result.code == 74
    assert "journal" in result.err
    done = len(lines(whole.out))
    assert 0 < done < len(whole.inputs)
    again = tool(*WORDS, "-o", "out")
    whole.check_end(again)
    whole.check_once()
    assert len([e for e in again.events("item") if e["status"] == "skipped"]) == done


@pytest.fixture
def small_disk(folder):
    """Mount a file system of 100 kB and return its place; root alone may."""
    disk = folder / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("only root mounts a file system")
    line = ["mount", "-t", "tmpfs", "-o", "size=100k", "none", str(disk)]
    done = subprocess.run(line, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_fills_up(tool, folder, small_disk):
    """Cases 6, 7: ENOSPC of a real file system; with room made, the same call does the rest."""
    names = draw_many(folder / "in", 30)
    assert tool(*WORDS, "-o", "clean").code == 0
    (small_disk / "ballast").write_bytes(b"\0" * 40_000)
    whole = Whole.of(folder, small_disk, folder / "clean", names)
    outside = {n: mark for n, mark in whole.outside.items() if n != "disk/ballast"}
    whole = Whole(folder, small_disk / "out", whole.clean, {**outside}, whole.inputs)
    ballast = small_disk / "ballast"
    kept = ballast.read_bytes()
    result = tool(*WORDS, "-o", "disk/out")
    assert result.code == 74
    assert os.strerror(errno.ENOSPC) in result.err
    assert 0 < len(lines(whole.out)) < 30
    assert ballast.read_bytes() == kept
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    whole.check(result)
    whole.check_end(tool(*WORDS, "-o", "disk/out"))


@pytest.mark.parametrize("json_", [(), ("--json",)])
def test_a_full_stdout_harms_no_file(start, tool, folder, json_):
    """Case 8: `>/dev/full`; one line on stderr, and the next call goes on."""
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    names = draw_many(folder / "in", 12, folders=2)
    words = [word for word in WORDS if word != "--json"]
    assert tool(*words, "-o", "clean").code == 0
    whole = Whole.of(folder, folder / "out", folder / "clean", names)
    with open("/dev/full", "w") as full:
        process = start(*words, *json_, "-o", "out", stdout=full)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 74
    assert len(err.splitlines()) == 1
    whole.check()
    whole.check_end(tool(*WORDS, "-o", "out"))


@pytest.mark.parametrize("effect", ["EDQUOT", "EROFS", "EACCES"])
def test_other_refusals_of_the_disk(tool, whole, effect):
    """Case 9: a quota; EROFS and EACCES that show only once a file is opened."""
    only = "write" if effect == "EDQUOT" else "open"
    for at in (1, 4, 9):
        fault = {
            "folder": str(whole.out),
            "at": at,
            "effect": effect,
            "only": only,
            "persistent": True,
        }
        result = tool(*WORDS, "-o", "out", fault=fault)
        whole.check(result)
        assert result.code == 74
        assert os.strerror(getattr(errno, effect)) in result.err
    whole.check_end(tool(*WORDS, "-o", "out"))


def test_a_closed_directory_is_known_before_the_engine_is_loaded(tool, folder, names):
    """Case 10: no permission to write there, or no permission to make it."""
    (folder / "closed").mkdir()
    (folder / "closed").chmod(0o500)
    for out in ("closed", "closed/out"):
        result = tool(*WORDS, "-o", out, plain=True, sealed=True)
        assert result.code == 74
        assert "--out" in result.err
        assert result.events()[-1]["exit"] == 74
    (folder / "closed").chmod(0o700)


def test_a_read_only_file_system_is_known_before_the_engine_is_loaded(tool, folder, names):
    """Case 10: EROFS."""
    for only in ("mkdir", "open"):
        fault = {"folder": str(folder / "out"), "at": 1, "effect": "EROFS", "persistent": True}
        result = tool(*WORDS, "-o", "out", fault={**fault, "only": only}, sealed=True)
        assert result.code == 74
        assert os.strerror(errno.EROFS) in result.err


def test_the_place_of_the_output(tool, folder):
    """Case 11: a file in the way is 2, missing parents are made."""
    draw(folder / "in/a.png")
    (folder / "file").write_text("mine")
    result = tool(*WORDS, "-o", "file", sealed=True)
    assert result.code == 2
    assert "file" in result.err
    assert (folder / "file").read_text() == "mine"
    assert tool(*WORDS, "-o", "one/two/three").code == 0
    assert (folder / "one/two/three/a.png.gradient.npz").is_file()

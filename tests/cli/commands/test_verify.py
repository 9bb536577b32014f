"""`inputgrad verify`, and the call that repairs what it found."""

import json
import os
import shutil

import numpy as np
import pytest

from tests.cli import draw, items, journal, strict

NPZ, PNG = "a.png.gradient.npz", "a.png.gradient.png"


def asked(samples):
    """Return the words of the call; a batch of one rounds alike whatever is made anew with it."""
    return "saliency", samples / "shapes.keras", "in", "-o", "out", "--batch-size", "1"


@pytest.fixture(scope="module")
def run_made(samples, tmp_path_factory):
    """Make one run of three pictures and a table of two samples, to be copied by each test."""
    from inputgrad_cli.cli.main import run

    home = tmp_path_factory.mktemp("made")
    for seed, name in enumerate(("a.png", "b.png", "c.png")):
        draw(home / "in" / name, seed=seed)
    np.save(home / "in/m.npy", np.full((2, 64, 64, 3), 90, "float32"))
    here = os.getcwd()
    os.chdir(home)
    try:
        assert run([*map(str, asked(samples)), "-q"]) == 0
    finally:
        os.chdir(here)
    return home


@pytest.fixture
def out(run_made, tmp_path):
    shutil.copytree(run_made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "out"


@pytest.fixture
def again(call, samples):
    """Make the same call again and return the state of each item."""

    def again():
        result = call(*asked(samples), "--json")
        assert result.code == 0
        return {item["input"]: item["status"] for item in items(result)}

    return again


def spoil(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_whole_run_is_0(call, out):
    before = (out / "journal.jsonl").read_bytes()
    result = call("verify", "out")
    assert result.code == 0
    assert result.out == ""
    assert "9 files" in result.err
    assert (out / "journal.jsonl").read_bytes() == before


def test_json_is_one_object(call, out):
    spoil(out / PNG)
    result = call("verify", "out", "--json")
    assert result.code == 1
    about = strict(result.out)
    assert (about["files"], about["ok"], about["run"]) == (9, False, "out")
    assert about["bytes"] == sum(p.stat().st_size for p in out.glob("*g*.*") if p.suffix != ".json")
    assert [(bad["path"], bad["kind"]) for bad in about["bad"]] == [(PNG, "changed")]


@pytest.mark.parametrize("name", [NPZ, PNG])
@pytest.mark.parametrize("harm", ["spoil", "cut", "remove", "folder", "longer"])
def test_a_bad_file_is_listed_and_repaired_alone(call, out, again, name, harm):
    good = (out / name).read_bytes()
    others = {p: p.stat().st_mtime_ns for p in out.glob("[bcm]*")}
    harms = {
        "spoil": spoil,
        "cut": lambda path: path.write_bytes(good[:-9]),
        "remove": lambda path: path.unlink(),
        "folder": lambda path: (path.unlink(), path.mkdir()),
        "longer": lambda path: path.write_bytes(good + b"x"),
    }
    harms[harm](out / name)
    result = call("verify", "out")
    assert result.code == 1
    (line,) = result.out.splitlines()
    assert line.startswith(f"out/{name}: ")
    if harm == "folder":
        (out / name).rmdir()
    events = again()
    assert events.pop("a.png") == "ok"
    assert set(events.values()) == {"skipped"}
    assert (out / name).read_bytes() == good
    assert {p: p.stat().st_mtime_ns for p in others} == others
    assert call("verify", "out").code == 0


@pytest.mark.parametrize("harm", ["cut", "remove"])
def test_what_shows_without_hashes_is_repaired_without_verify(out, again, harm):
    good = (out / NPZ).read_bytes()
    (out / NPZ).write_bytes(good[:-9]) if harm == "cut" else (out / NPZ).unlink()
    assert again()["a.png"] == "ok"
    assert (out / NPZ).read_bytes() == good


def test_every_bad_file_is_listed(call, out):
    for name in (NPZ, "b.png.gradient.png", "m.npy.gradient.1.png"):
        spoil(out / name)
    assert len(call("verify", "out").out.splitlines()) == 3


def test_looking_twice_marks_once_and_what_is_put_back_is_good(call, out, again):
    good = (out / PNG).read_bytes()
    spoil(out / PNG)
    for _ in range(2):
        assert call("verify", "out").code == 1
    assert len(journal(out)) == 5
    (out / PNG).write_bytes(good)
    assert call("verify", "out").code == 0
    assert set(again().values()) == {"skipped"}


def test_a_line_that_tells_of_other_shapes_is_found(call, out):
    text = (out / "journal.jsonl").read_text()
    assert '"shapes": {"picture": [64, 64, 3]}' in text
    (out / "journal.jsonl").write_text(text.replace("[64, 64, 3]", "[64, 64, 1]", 1))
    result = call("verify", "out")
    assert result.code == 1
    assert "shapes" in result.out


def test_arrays_of_another_method_or_model_are_found(call, out):
    import hashlib
    import zipfile

    shutil.copy(out / NPZ, out / "kept")
    for key, value in (("method", {"label": "other"}), ("model", {"sha256": "0"})):
        with zipfile.ZipFile(out / "kept") as old, zipfile.ZipFile(out / NPZ, "w") as new:
            for name in old.namelist():
                data = old.read(name)
                if name == "metadata.json":
                    data = json.dumps({**json.loads(data), key: value}).encode()
                new.writestr(name, data)
        lines = journal(out)
        data = (out / NPZ).read_bytes()
        sha = hashlib.sha256(data).hexdigest()
        for line in lines:
            for file in line["files"]:
                if file["path"] == NPZ:
                    file.update(size=len(data), sha256=sha)
        (out / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        result = call("verify", "out")
        assert result.code == 1
        assert key in result.out


def test_failed_items_have_no_files_to_be_bad(call, samples, tmp_path):
    (tmp_path / "x.png").write_text("no picture")
    assert call("saliency", samples / "shapes.keras", "x.png").code == 3
    result = call("verify", "inputgrad-out", "--json")
    assert result.code == 0
    assert (strict(result.out)["files"], strict(result.out)["failed"]) == (0, 1)


def test_a_live_run_is_75(call, out):
    import fcntl

    with (out / ".lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert call("verify", "out").code == 75


def test_a_run_that_cannot_be_written_is_looked_at_all_the_same(call, out, monkeypatch):
    from inputgrad_cli.errors import StorageError
    from inputgrad_cli.storage import run_directory

    def refuse(out):
        raise StorageError("read-only")

    monkeypatch.setattr(run_directory, "RunLock", refuse)
    before = (out / "journal.jsonl").read_bytes()
    assert call("verify", out).code == 0
    spoil(out / PNG)
    result = call("verify", out)
    assert result.code == 1
    assert "cannot be written" in result.err
    assert (out / "journal.jsonl").read_bytes() == before


def test_what_holds_no_run_is_2(call, out, tmp_path):
    for name in ("nowhere", "in", "in/a.png"):
        result = call("verify", name)
        assert result.code == 2
        assert "Traceback" not in result.err
    assert not (tmp_path / "nowhere").exists()
    assert not (tmp_path / "in/.lock").exists()


def test_no_command_on_a_finished_run_imports_tensorflow(out, spawn):
    import subprocess
    import sys

    code = "import sys\nfrom inputgrad_cli.cli.main import run\nrun(sys.argv[1:])\n"
    code += "assert not {'tensorflow', 'keras'} & set(sys.modules), 'loaded'"
    for words in (["verify", out], ["report", out], ["merge", out]):
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, words)], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr

"""A journal that was harmed, and what else may lie in an output directory."""

import itertools
import json
import os

import numpy as np
import pytest

from inputgrad_cli.errors import StorageError
from inputgrad_cli.storage import atomic_write
from tests.cli import draw, files, items, journal

GARBAGE = [
    "hello",
    "{",
    "[]",
    "3",
    "null",
    '{"a": 1}',
    '{"stem": 5}',
    "[" * 100_000,
    "\x00" * 20,
    '{"stem": "a", "input": "a", "method": "m", "target": "t", "status": "ok", "sources": 3}',
]


@pytest.fixture
def words(samples, tmp_path):
    for seed, name in enumerate(("a.npy", "b.npy", "c.npy")):
        (tmp_path / "in").mkdir(exist_ok=True)
        np.save(tmp_path / "in" / name, np.random.default_rng(seed).normal(size=10))
    return "saliency", samples / "sequential.keras", "in", "--json", "--picture", "none"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "inputgrad-out"


def states(result):
    return {item["input"]: item["status"] for item in items(result)}


def test_a_torn_last_line_is_cut_and_its_map_done_anew(call, words, out):
    call(*words)
    path = out / "journal.jsonl"
    whole = path.read_bytes()
    kept = {name: (out / name).read_bytes() for name in files(out)}
    last = len(whole.splitlines(True)[-1])
    for cut in (1, 2, 50, last - 60):
        path.write_bytes(whole[:-cut])
        result = call(*words, "-v")
        assert result.code == 0
        assert list(states(result).values()).count("ok") == 1
        assert "cut short" in result.err
        assert [line["stem"] for line in journal(out)] == sorted(n[:-4] for n in kept)
    path.write_bytes(whole[:-9])
    assert "cut short" not in call(*words).err


def test_a_line_of_which_nothing_is_left_is_made_of_the_same_bytes(call, words, out):
    words = (*words, "--batch-size", "1")
    call(*words)
    path = out / "journal.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[: whole[:-1].rfind(b"\n") + 2])
    assert call(*words).code == 0
    assert path.read_bytes() == whole


def test_files_without_a_line_are_known_for_our_own(call, words, out, tmp_path, monkeypatch):
    """Kill it after the files are there, before the journal; then make other files of them."""
    from inputgrad_cli.storage.journal import Journal

    class Killed(BaseException):
        pass

    def kill(journal, records):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "add", kill)
        with pytest.raises(Killed):
            call(*words)
    assert len(files(out)) == 3
    result = call(*words, "--seed", "1", "-m", "smoothgrad:samples=2,as=gradient")
    assert result.code == 0
    assert set(states(result).values()) == {"ok"}
    assert not (out / ".pending").exists()


def test_readers_leave_a_torn_line_alone_until_they_write(call, words, out):
    call(*words)
    path = out / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    before = path.read_bytes()
    assert call("verify", out).code == 0
    assert call(*words, "-n").code == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize("line", GARBAGE)
def test_a_line_that_is_none_is_named_with_its_number(call, words, out, line):
    call(*words)
    path = out / "journal.jsonl"
    first, *rest = path.read_text().splitlines(keepends=True)
    path.write_text("".join([first, line + "\n", *rest]))
    for again in (words, ("render", out), ("verify", out)):
        result = call(*again)
        assert result.code == (1 if again[0] == "verify" else 2)
        assert "journal.jsonl:2" in result.err + result.out
        assert "Traceback" not in result.err
    assert len(files(out)) == 3
    assert call(*words, "--on-exists", "overwrite").code == 0


@pytest.mark.parametrize("path", ["../in/a.npy", "/etc/hostname", "x/../../in/a.npy"])
@pytest.mark.parametrize("key", ["path", "stem"])
def test_a_line_that_names_files_outside_is_2(call, words, out, tmp_path, path, key):
    call(*words)
    lines = journal(out)
    (lines[0]["files"][0] if key == "path" else lines[0])[key] = path
    (out / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = call(*words)
    assert result.code == 2
    assert "journal.jsonl:1" in result.err
    assert (tmp_path / "in/a.npy").exists()


def test_another_model_under_the_same_name_is_2(call, words, samples, tmp_path, out):
    (tmp_path / "m.keras").write_bytes((samples / "sequential.keras").read_bytes())
    own = (words[0], "m.keras", *words[2:])
    call(*own)
    before = {name: (out / name).read_bytes() for name in files(out)}
    import keras

    keras.Sequential([keras.Input((10,)), keras.layers.Dense(1)]).save(tmp_path / "m.keras")
    result = call(*own)
    assert result.code == 2
    assert "another model" in result.err
    assert {name: (out / name).read_bytes() for name in files(out)} == before
    assert set(states(call(*own, "--on-exists", "overwrite")).values()) == {"ok"}
    assert set(states(call(*own)).values()) == {"skipped"}


@pytest.mark.parametrize("character", ["x", "é", "🐈"])
def test_a_name_as_long_as_a_file_system_takes(call, samples, tmp_path, out, character):
    size = len(character.encode())
    name = character * ((255 - 4) // size) + ".npy"
    twin = character * ((255 - 4) // size - 1) + "-.npy"
    for path in (name, twin):
        (tmp_path / "in").mkdir(exist_ok=True)
        np.save(tmp_path / "in" / path, np.ones(10))
    words = ("saliency", samples / "sequential.keras", "in", "--json", "-t", "sum", "-t", "mean")
    words = (*words, "--picture", "none")
    result = call(*words)
    assert result.code == 0
    assert {line["input"] for line in journal(out)} == {name, twin}
    assert len(files(out)) == 4
    for line in journal(out):
        assert (out / line["files"][0]["path"]).is_file()
    assert set(states(call(*words)).values()) == {"skipped"}


def test_names_that_lead_out_stay_below_the_output(call, samples, tmp_path, out):
    for name in ("here/x.npy", "there/y.npy"):
        (tmp_path / name).parent.mkdir()
        np.save(tmp_path / name, np.ones(10))
    (tmp_path / "list").write_bytes(
        b"\xef\xbb\xbfhere/../there/../here/x.npy\r\n" + os.fsencode(tmp_path / "there/y.npy\n")
    )
    result = call("saliency", samples / "sequential.keras", "--from-file", "list", "--json")
    assert states(result) == {"here/x.npy": "ok", "there/y.npy": "ok"}
    names = ("here/x.npy.gradient", "there/y.npy.gradient")
    assert files(out) == {name + ending for name in names for ending in (".npz", ".png")}


@pytest.mark.parametrize("line", [b"nowhere.npy", b"../../etc/nothing", b"a\0b", b"\xff\xfe"])
def test_a_bad_line_of_a_list_is_told_with_its_number(call, words, tmp_path, line):
    (tmp_path / "list").write_bytes(b"in/a.npy\n\n" + line + b"\nin/b.npy\n")
    result = call(*words[:2], "--from-file", "list", "--json")
    assert result.code == 2
    assert "list:3" in result.err
    assert "Traceback" not in result.err
    assert result.events()[-1]["exit"] == 2


def test_a_closed_stdin_is_an_empty_list(words, tmp_path):
    import subprocess
    import sys

    line = f'"{sys.executable}" -m inputgrad_cli saliency "{words[1]}" - <&-'
    done = subprocess.run(["bash", "-c", line], capture_output=True, cwd=tmp_path, check=False)
    assert done.returncode == 5
    assert b"Traceback" not in done.stderr


def test_a_link_in_the_output_is_not_followed_out(call, samples, tmp_path, out):
    for name in ("in/cats/a.png", "in/b.png"):
        draw(tmp_path / name)
    (tmp_path / "outside").mkdir()
    out.mkdir()
    (out / "cats").symlink_to(tmp_path / "outside")
    result = call("saliency", samples / "shapes.keras", "in", "--json")
    assert result.code == 3
    assert states(result) == {"cats/a.png": "failed", "b.png": "ok"}
    assert "link" in result.out
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize("dangling", [True, False])
def test_a_link_at_a_destination_is_a_foreign_file(call, words, tmp_path, out, dangling):
    target = tmp_path / "target"
    if not dangling:
        target.write_text("mine")
    out.mkdir()
    (out / "a.npy.gradient.npz").symlink_to(target)
    result = call(*words)
    assert result.code == 3
    assert states(result)["a.npy"] == "failed"
    assert call(*words, "--on-exists", "overwrite").code == 0
    assert not (out / "a.npy.gradient.npz").is_symlink()
    assert target.exists() is not dangling
    assert dangling or target.read_text() == "mine"


def test_a_link_in_the_place_of_a_temporary_file_is_not_followed(tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    monkeypatch.setattr(atomic_write, "_COUNTER", itertools.count(7))
    monkeypatch.setattr(atomic_write, "_PROCESS_MARK", mark := "0a0b0c")
    (tmp_path / f".ig-{os.getpid()}-{mark}-7-a.npz.tmp").symlink_to(victim)
    with pytest.raises(StorageError):
        atomic_write.write_atomically(tmp_path / "a.npz", b"theirs")
    assert victim.read_text() == "mine"


def test_what_is_no_file_never_blocks(call, samples, tmp_path):
    folder = tmp_path / "in"
    draw(folder / "a.png")
    os.mkfifo(folder / "fifo.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    (folder / "folder.png").mkdir()
    (folder / "device.png").symlink_to("/dev/zero")
    result = call("saliency", samples / "shapes.keras", "in", "--json")
    assert result.code == 3
    statuses = states(result)
    assert statuses.pop("a.png") == "ok"
    assert set(statuses) == {"fifo.png", "loop.png", "gone.png", "device.png"}
    assert set(statuses.values()) == {"failed"}


def test_what_matches_nothing_names_the_pattern(call, words, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "list").write_text("\n")
    result = call(*words[:3], "--include", "*.nothing")
    assert (result.code, "*.nothing" in result.err) == (5, True)
    result = call(*words[:3], "--exclude", "*.npy")
    assert (result.code, "*.npy" in result.err) == (5, True)
    result = call(*words[:2], "empty")
    assert (result.code, "empty" in result.err) == (5, True)
    result = call(*words[:2], "--from-file", "list")
    assert (result.code, "list" in result.err) == (5, True)

"""One run shared out, and joined."""

import hashlib
import json
import shutil

import numpy as np
import pytest

from tests.cli import files, items, journal, strict

FILES = 20  # of ten maps: the arrays and a picture of each

NAMES = [f"{n}.npy" for n in "abcdefghij"]


def share(name, of):
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % of


@pytest.fixture
def words(samples, tmp_path):
    """Return a call of ten small items."""
    (tmp_path / "in").mkdir()
    rng = np.random.default_rng(0)
    for name in NAMES:
        np.save(tmp_path / "in" / name, rng.normal(size=10).astype("float32"))
    return "saliency", samples / "sequential.keras", "in", "--json", "--batch-size", "1"


@pytest.fixture
def whole(call, words, tmp_path):
    """Return the files of the run that was not shared, by name."""
    assert call(*words, "-o", "whole").code == 0
    return contents(tmp_path / "whole")


def contents(out):
    return {name: (out / name).read_bytes() for name in files(out) if not name.startswith("run.")}


def lines(out):
    """Return the journal without what differs from run to run."""
    return sorted(journal(out), key=lambda line: line["stem"])


@pytest.mark.parametrize("of", [1, 2, 3])
def test_the_shares_are_those_of_the_contract_and_are_whole(call, words, of):
    for shard in range(of):
        result = call(*words, "--shard", f"{shard}/{of}")
        assert result.code == 0
        names = [item["input"] for item in items(result)]
        assert names == [name for name in NAMES if share(name, of) == shard]
        assert result.events("start")[0]["items"] == len(names)


def test_each_share_has_records_and_locks_of_its_own(call, words, tmp_path):
    call(*words, "--shard", "1/3")
    names = {path.name for path in (tmp_path / "inputgrad-out").iterdir()}
    assert {"run.1-of-3.json", "journal.1-of-3.jsonl", ".lock.1-of-3"} <= names
    assert not {"run.json", "journal.jsonl"} & names
    run = strict((tmp_path / "inputgrad-out/run.1-of-3.json").read_text())
    assert run["shard"] == {"number": 1, "of": 3}
    assert run["options"]["shard"] == {"value": "1/3", "source": "commandline"}


def test_shares_of_one_directory_merge_to_the_whole_run(call, words, whole, tmp_path):
    for shard in (1, 0):
        assert call(*words, "--shard", f"{shard}/2").code == 0
    result = call("merge", "inputgrad-out")
    assert result.code == 0
    assert "2 shards" in result.out
    out = tmp_path / "inputgrad-out"
    assert contents(out) == whole
    assert lines(out) == lines(tmp_path / "whole")
    run, plain = (strict((tmp_path / o / "run.json").read_text()) for o in (out, "whole"))
    assert set(plain) | {"shards"} == set(run)
    for key in ("signature", "model", "mode", "batch_size", "maps"):
        assert run[key] == plain[key]
    names = {path.name for path in out.iterdir()} - set(whole)
    assert names == {"run.json", "journal.jsonl", ".lock"}


def test_merging_again_changes_nothing(call, words, tmp_path):
    for shard in range(2):
        call(*words, "--shard", f"{shard}/2")
    out = tmp_path / "inputgrad-out"
    call("merge", out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert call("merge", out).code == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    maps = items(call(*words))
    assert {item["status"] for item in maps} == {"skipped"}


def test_shares_of_several_directories_merge_into_the_first(call, words, whole, tmp_path):
    for shard in range(3):
        call(*words, "--shard", f"{shard}/3", "-o", f"out{shard}")
    before = {path: path.read_bytes() for path in (tmp_path / "out1").iterdir()}
    for _ in range(2):
        result = call("merge", "out0", "out1", "out2", "--json")
        assert result.code == 0
        summary = strict(result.out)
        assert (summary["shards"], summary["maps"], summary["failed"]) == (3, 10, 0)
        assert contents(tmp_path / "out0") == whole
        assert lines(tmp_path / "out0") == lines(tmp_path / "whole")
    assert {path: path.read_bytes() for path in before if path.name != ".lock"} == {
        path: data for path, data in before.items() if path.name != ".lock"
    }
    assert call("verify", "out0").code == 0


def test_sources_are_found_from_wherever_a_share_was_run(call, samples, tmp_path, monkeypatch):
    from tests.cli import draw

    for name in ("one", "two"):
        for seed in range(6):
            draw(tmp_path / name / "in" / f"{seed}.png", seed=seed)
    for shard, name in enumerate(("one", "two")):
        monkeypatch.chdir(tmp_path / name)
        words = ("saliency", samples / "shapes.keras", "in", "--shard", f"{shard}/2")
        assert call(*words, "-o", "out").code == 0
    assert call("merge", "../one/out", "out").code == 0
    monkeypatch.chdir(tmp_path)
    result = call("render", "one/out")
    assert result.code == 0
    assert "input is gone" not in result.err
    assert len(result.out.splitlines()) == 6


def test_missing_shares_are_told_and_nothing_is_touched(call, words, tmp_path):
    for shard in (0, 2):
        call(*words, "--shard", f"{shard}/4")
    before = {path.name for path in (tmp_path / "inputgrad-out").iterdir()}
    result = call("merge", "inputgrad-out")
    assert result.code == 2
    assert "1/4, 3/4" in result.err
    assert {path.name for path in (tmp_path / "inputgrad-out").iterdir()} == before


@pytest.mark.parametrize(
    ("option", "hint"), [(["--seed", "3"], "--seed"), (["-m", "input-x-gradient"], "--method")]
)
def test_shares_of_other_options_are_refused_by_name(call, words, option, hint):
    call(*words, "--shard", "0/2", "-o", "a")
    call(*words, "--shard", "1/2", "-o", "b", *option)
    result = call("merge", "a", "b")
    assert result.code == 2
    assert hint in result.err


def test_shares_of_another_model_are_refused(call, words, samples, tmp_path):
    import keras

    keras.Sequential([keras.Input((10,)), keras.layers.Dense(1)]).save(tmp_path / "other.keras")
    call(*words, "--shard", "0/2", "-o", "a")
    call("saliency", "other.keras", *words[2:], "--shard", "1/2", "-o", "b")
    result = call("merge", "a", "b")
    assert result.code == 2
    assert "other.keras" in result.err
    result = call("saliency", "other.keras", *words[2:], "--shard", "1/2", "-o", "a")
    assert result.code == 2


def test_shares_of_another_number_are_refused(call, words):
    call(*words, "--shard", "0/2")
    result = call(*words, "--shard", "0/3")
    assert result.code == 2
    assert "shares of 2" in result.err
    call(*words, "--shard", "1/3", "-o", "b")
    assert call("merge", "inputgrad-out", "b").code == 2


def test_what_was_never_shared_is_2(call, words):
    call(*words)
    assert call("merge", "inputgrad-out").code == 2
    assert call("merge", "nowhere").code == 2
    assert call("merge").code == 2


def test_a_file_that_changed_since_is_not_joined(call, words, tmp_path):
    for shard in range(2):
        call(*words, "--shard", f"{shard}/2", "-o", f"out{shard}")
    path = next((tmp_path / "out1").glob("*.npz"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    result = call("merge", "out0", "out1")
    assert result.code == 2
    assert path.name in result.err
    assert "verify" in result.err
    assert not (tmp_path / "out0/run.json").exists()


def test_a_share_without_items_is_a_share(call, words, tmp_path):
    for name in NAMES[1:]:
        (tmp_path / "in" / name).unlink()
    for shard in range(2):
        result = call(*words, "--shard", f"{shard}/2")
        assert result.code == 0
    assert call("merge", "inputgrad-out").code == 0
    assert len(journal(tmp_path / "inputgrad-out")) == 1


def test_a_share_of_which_every_item_fails_is_a_share(call, words, tmp_path):
    for name in NAMES:
        if share(name, 2) == 0:
            (tmp_path / "in" / name).write_bytes(b"no array")
    assert call(*words, "--shard", "0/2").code == 3
    assert call(*words, "--shard", "1/2").code == 0
    result = call("merge", "inputgrad-out", "--json")
    assert result.code == 0
    assert strict(result.out)["failed"] == sum(share(name, 2) == 0 for name in NAMES)
    run = strict((tmp_path / "inputgrad-out/run.json").read_text())
    assert run["signature"]["outputs"]


def test_a_share_that_was_stopped_is_told_and_can_be_finished(call, words, tmp_path):
    for shard in range(2):
        call(*words, "--shard", f"{shard}/2")
    path = tmp_path / "inputgrad-out/journal.0-of-2.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(True)[:-2]))
    result = call("merge", "inputgrad-out")
    assert result.code == 0
    assert "0/2" in result.err
    assert "2 maps" in result.err
    statuses = [item["status"] for item in items(call(*words))]
    assert statuses.count("ok") == 2
    assert statuses.count("skipped") == 8


def test_readers_read_all_shares_before_they_are_merged(call, words, tmp_path):
    for shard in range(2):
        call(*words, "--shard", f"{shard}/2")
    assert (
        strict(call("verify", "inputgrad-out", "--json").out)["files"] == 20
    )  # arrays and a picture each
    maps = items(call(*words))  # the whole run knows what its shares did
    assert {item["status"] for item in maps} == {"skipped"}
    maps = items(call(*words, "--shard", "1/2"))
    assert {item["status"] for item in maps} == {"skipped"}


def test_the_later_of_two_runs_is_believed(call, words, tmp_path):
    def states(*more):
        return {item["status"] for item in items(call(*words, *more))}

    for shard in range(2):
        call(*words, "--shard", f"{shard}/2")
    smooth = ("-m", "smoothgrad:samples=2,as=gradient")
    assert states(*smooth) == {"ok"}
    assert states(*smooth) == {"skipped"}
    assert states() == {"ok"}  # same size of files; the old lines of the shares must not count
    assert states("--shard", "0/2", *smooth) == {"ok"}
    assert {i["status"] for i in items(call(*words)) if share(i["input"], 2) == 0} == {"ok"}
    assert states() == {"skipped"}


def test_error_looks_at_the_shares_own_files(call, words):
    assert call(*words, "--shard", "0/2").code == 0
    more = ("--on-exists", "error")
    assert call(*words, "--shard", "1/2", *more).code == 0
    assert call(*words, "--shard", "1/2", *more).code == 2


def test_a_dry_run_shows_the_share(call, words):
    names = [i["input"] for i in items(call(*words, "--shard", "1/3", "-n"))]
    assert names == [name for name in NAMES if share(name, 3) == 1]


def test_truth_in_order_counts_all_items(call, words, tmp_path):
    truth = np.arange(10, dtype="float32")
    np.save(tmp_path / "t.npy", truth)
    more = ("-t", "loss:mse", "--truth", "t.npy")
    call(*words, *more, "-o", "whole")
    for shard in range(2):
        assert call(*words, *more, "--shard", f"{shard}/2", "-o", "shared").code == 0
    call("merge", "shared")
    assert contents(tmp_path / "shared") == contents(tmp_path / "whole")


@pytest.mark.parametrize("text", ["2/2", "1", "a/2", "-1/2", "1/0", "1/2/3", "²/3", ""])
def test_a_mistaken_share_is_2(call, words, text):
    result = call(*words, "--shard", text)
    assert result.code == 2
    assert "--shard" in result.err


def test_one_scale_needs_the_whole_run(call, words):
    result = call(*words, "--shard", "0/2", "--scale", "run")
    assert result.code == 2
    assert "render" in result.err


def test_locks(call, words, tmp_path):
    import fcntl

    call(*words, "--shard", "0/2")
    out = tmp_path / "inputgrad-out"
    with (out / ".lock").open("r+") as whole, (out / ".lock.0-of-2").open("r+") as own:
        fcntl.flock(whole, fcntl.LOCK_SH)  # as a live share does
        fcntl.flock(own, fcntl.LOCK_EX)
        assert call(*words, "--shard", "1/2").code == 0
        for more in (["--shard", "0/2"], []):
            result = call(*words, *more)
            assert result.code == 75
            assert "process" in result.err
        for command in ("merge", "verify", "render"):
            assert call(command, out).code == 75
    with (out / ".lock").open("r+") as whole:
        fcntl.flock(whole, fcntl.LOCK_EX)
        assert call(*words, "--shard", "1/2").code == 75


def test_a_share_removes_its_own_temporary_files_alone(call, words, tmp_path):
    call(*words, "--shard", "0/2")
    out = tmp_path / "inputgrad-out"
    for tag in ("", ".0-of-2", ".1-of-2"):
        (out / f".ig{tag}-99-x.npz.tmp").write_bytes(b"half")
    (out / ".ignore.tmp").write_bytes(b"the user's")
    call(*words, "--shard", "0/2")
    left = {path.name for path in out.glob(".ig*")}
    assert left == {".ig-99-x.npz.tmp", ".ig.1-of-2-99-x.npz.tmp", ".ignore.tmp"}
    call(*words, "--shard", "1/2")
    call("merge", out)
    assert {path.name for path in out.glob(".ig*")} == {".ignore.tmp"}


@pytest.mark.parametrize("moment", range(1, 8))
def test_a_merge_that_is_killed_leaves_the_old_or_the_new(
    call, words, whole, tmp_path, monkeypatch, moment
):
    """Stop it at its n-th change of the disk; what is read is the same, and it can go on."""
    from inputgrad_cli.storage import atomic_write, shard_merging

    class Killed(BaseException):
        pass

    for shard in range(2):
        call(*words, "--shard", f"{shard}/2")
    left = [moment]

    def counted(function):
        def change(*words, **more):
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            return function(*words, **more)

        return change

    with monkeypatch.context() as patch:
        patch.setattr(atomic_write.os, "replace", counted(atomic_write.os.replace))
        patch.setattr(shard_merging.Path, "unlink", counted(shard_merging.Path.unlink))
        if left[0]:
            with pytest.raises(Killed):
                call("merge", "inputgrad-out")
    assert (
        strict(call("verify", "inputgrad-out", "--json").out)["files"] == 20
    )  # arrays and a picture each
    assert {item["status"] for item in items(call(*words))} == {"skipped"}
    assert call("merge", "inputgrad-out").code == 0
    assert contents(tmp_path / "inputgrad-out") == whole
    assert lines(tmp_path / "inputgrad-out") == lines(tmp_path / "whole")


def test_two_shares_at_once(words, samples, tmp_path, whole, call):
    import subprocess
    import sys

    tool = [sys.executable, "-m", "inputgrad_cli", *map(str, words)]
    processes = [
        subprocess.Popen([*tool, "--shard", f"{n}/2"], cwd=tmp_path, stdout=subprocess.DEVNULL)
        for n in range(2)
    ]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert call("merge", "inputgrad-out").code == 0
    assert contents(tmp_path / "inputgrad-out") == whole
    shutil.rmtree(tmp_path / "inputgrad-out")


def test_a_name_that_is_not_utf8_has_its_share(call, words, tmp_path):
    import os

    name = os.fsdecode(b"caf\xe9.npy")
    shutil.copy(tmp_path / "in/a.npy", tmp_path / "in" / name)
    shard = int.from_bytes(hashlib.sha256(b"caf\xe9.npy").digest()[:8], "big") % 2
    result = call(*words, "--shard", f"{shard}/2")
    assert any(json.dumps(item).count("path_b64") for item in items(result))
    call(*words, "--shard", f"{1 - shard}/2")
    assert call("merge", "inputgrad-out").code == 0
    assert {i["status"] for i in items(call(*words))} == {"skipped"}

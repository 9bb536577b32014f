"""Large files of many samples, read and written in parts: the same files as held whole."""

import json
import math
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from inputgrad_cli.data.shard import Shard
from inputgrad_cli.formats.streaming import hash_checked_file, lazy_row_loading
from inputgrad_cli.numeric import lazy_array
from inputgrad_cli.runs import spill_buffer
from tests.cli import arrays, items, journal, stream

NAMES = "abcdefgh"
SCRIPT = """
import sys
from inputgrad_cli.cli.main import run
from tests.peak_memory import peak
code = run(sys.argv[1:])
print(code, peak())
"""


@pytest.fixture
def small(monkeypatch):
    """Let every file be large, and every part small; or none, as at first."""

    def small(on=True):
        for module, name in (
            (hash_checked_file, "LARGE_BYTES"),
            (spill_buffer, "MAX_MEMORY_BYTES"),
        ):
            monkeypatch.setattr(module, name, 0 if on else 1 << 40)
        monkeypatch.setattr(hash_checked_file, "BLOCK_BYTES", 600)
        monkeypatch.setattr(lazy_array, "BLOCK_BYTES", 400)
        monkeypatch.setattr(lazy_row_loading, "MAX_CELLS", 40)

    return small


@pytest.fixture
def model(tmp_path):
    """Return models of vectors and of small pictures."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    dense = [
        layers.Input((4,), name="x"),
        layers.Dense(5, "tanh", name="middle"),
        layers.Dense(3, "softmax"),
    ]
    keras.Sequential(dense).save(tmp_path / "vectors.keras")
    sight = [layers.Input((8, 8, 3), name="x"), layers.Conv2D(4, 3), layers.ReLU()]
    sight += [layers.Flatten(), layers.Dense(3)]
    keras.Sequential(sight).save(tmp_path / "pictures.keras")


def table(rows):
    numbers = np.random.default_rng(0).normal(size=(rows, 4))
    lines = [",".join(map(str, row)) for row in numbers]
    lines[3], lines[-1] = "1,2,x,4", "1,2"
    return "\n".join(["a,b,c,d", *lines]).encode()


def files(tmp_path):
    rng = np.random.default_rng(1)
    vectors, pictures = rng.normal(size=(50, 4)), rng.random((40, 8, 8, 3), np.float32)
    vectors[[0, 9, 49]] = np.nan
    pictures[7, 1, 1, 1] = np.inf
    np.save(tmp_path / "v.npy", vectors)
    np.save(tmp_path / "p.npy", pictures)
    (tmp_path / "t.csv").write_bytes(table(50))
    (tmp_path / "t.tsv").write_bytes(table(50).replace(b",", b"\t"))


def results(folder):
    """Return the bytes of all files but the run's own record, by name."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("run.json", ".lock", "journal.jsonl")
    }


def everything(folder):
    """Return the results, and the journal read."""
    return results(folder), journal(folder)


CALLS = [
    ("vectors.keras", "v.npy", "-m", "gradient", "-m", "integrated-gradients:steps=8"),
    ("vectors.keras", "v.npy", "-t", "all", "--batch-size", "7"),
    ("vectors.keras", "t.csv", "-t", "class:0", "-t", "class:2", "--batch-size", "50"),
    ("vectors.keras", "t.tsv", "--wrt", "layer:middle", "--batch-size", "9"),
    ("pictures.keras", "p.npy", "--batch-size", "8"),
    ("pictures.keras", "p.npy", "-m", "grad-cam", "--picture", "panel"),
]


@pytest.mark.parametrize("words", CALLS)
def test_every_byte_is_as_of_a_file_that_is_held_whole(call, small, model, tmp_path, words):
    files(tmp_path)
    outputs = []
    for on in (False, True):
        small(on)
        done = call("saliency", *words, "-o", f"out-{on}", "--json")
        assert done.code == 3
        lines = done.out.replace(f"out-{on}", "out")
        events = [json.loads(line) for line in lines.splitlines()]
        untimed = [drop_seconds(event) for event in events]
        outputs.append((everything(tmp_path / f"out-{on}"), untimed))
    assert outputs[0] == outputs[1]
    assert len(outputs[0][0][0]) >= 1


@pytest.fixture
def two_shares(call, model, tmp_path):
    """Return the words of a call, and what its two shares left in two directories."""
    pictures = np.random.default_rng(1).random((6, 9, 8, 8, 3), np.float32)
    for index, own in enumerate(pictures):
        np.save(tmp_path / f"{index}.npy", own)
    words = ("saliency", "pictures.keras", *sorted(path.name for path in tmp_path.glob("*.npy")))
    for index in (0, 1):
        assert call(*words, "--shard", f"{index}/2", "-o", f"share{index}").code == 0
    return words


@pytest.mark.parametrize(
    "more",
    [
        ("merge", "a", "b"),
        ("render", "a", "--picture", "heatmap", "--scale", "run"),
        ("render", "a", "--picture", "panel"),
        ("verify", "a"),
    ],
)
def test_what_comes_after_a_run_is_as_of_files_that_are_held_whole(
    call, small, two_shares, tmp_path, more
):
    outputs = []
    for on in (False, True):
        small(on)
        for name, share in (("a", "share0"), ("b", "share1")):
            shutil.rmtree(tmp_path / name, ignore_errors=True)
            shutil.copytree(tmp_path / share, tmp_path / name)
            assert list((tmp_path / name).glob("*.npz"))
        done = call(*more, "--json")
        assert done.code == 0, done.err
        outputs.append((results(tmp_path / "a"), done.out))
    assert outputs[0] == outputs[1]


def test_a_dry_run_counts_large_files_alike(call, small, two_shares, tmp_path):
    before, listings = sorted(tmp_path.rglob("*")), []
    for on in (False, True):
        small(on)
        listings.append(call(*two_shares, "--dry-run", "-o", "dry").out)
    assert listings[0] == listings[1]
    assert "0.npy.gradient.8.png" in listings[0]
    assert sorted(tmp_path.rglob("*")) == before


def drop_seconds(line):
    return {key: value for key, value in line.items() if key != "seconds"}


def test_what_is_done_is_not_done_again(call, small, model, tmp_path):
    files(tmp_path)
    np.save("v.npy", np.random.default_rng(0).normal(size=(30, 4)))
    small()
    assert call("saliency", "vectors.keras", "v.npy").code == 0
    small(on=False)
    again = call("saliency", "vectors.keras", "v.npy", "--json")
    assert {item["status"] for item in items(again)} == {"skipped"}


def test_a_file_of_somebody_else_is_never_replaced(call, small, model, tmp_path):
    np.save("v.npy", np.random.default_rng(0).normal(size=(30, 4)))
    small()
    assert call("saliency", "vectors.keras", "v.npy", "-o", "first").code == 0
    (path,) = (tmp_path / "first").glob("*.npz")
    for name, data, code in (("own", path.read_bytes(), 0), ("other", b"mine", 3)):
        copy = tmp_path / name / path.name
        copy.parent.mkdir()
        copy.write_bytes(data)
        assert call("saliency", "vectors.keras", "v.npy", "-o", name).code == code
        assert copy.read_bytes() == data
        assert sorted(p.name for p in copy.parent.glob(".ig*")) == []


def test_a_file_that_changes_under_way_fails_alone(call, small, model, tmp_path, monkeypatch):
    files(tmp_path)
    small()
    stamp, keep = (tmp_path / "v.npy").stat(), spill_buffer.SpillBuffer.keep

    def spoil(keeper, answers):
        data = bytearray((tmp_path / "v.npy").read_bytes())
        data[-9] ^= 1
        (tmp_path / "v.npy").write_bytes(data)
        os.utime(tmp_path / "v.npy", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        monkeypatch.setattr(spill_buffer.SpillBuffer, "keep", keep)
        return keep(keeper, answers)

    monkeypatch.setattr(spill_buffer.SpillBuffer, "keep", spoil)
    done = call("saliency", "vectors.keras", "v.npy", "t.csv", "--batch-size", "5", "--json")
    assert done.code == 3
    (failed,) = [item for item in items(done) if item["input"] == "v.npy"]
    assert failed["error"]["kind"] == "changed"
    assert not list((tmp_path / "inputgrad-out").glob("v.npy*"))
    assert list((tmp_path / "inputgrad-out").glob("t.csv*.npz"))


def test_a_disk_that_is_full_of_what_waits_ends_the_run(call, small, model, tmp_path, monkeypatch):
    files(tmp_path)
    small()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    done = call("saliency", "vectors.keras", "v.npy", "--json")
    assert done.code == 74
    assert stream(done)[-1]["type"] == "summary"
    assert not list((tmp_path / "inputgrad-out").glob("*.npz"))


def held(folder, *words):
    """Return the most bytes that a process held."""
    command = [sys.executable, "-c", SCRIPT, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=True)
    code, most = done.stdout.split()[-2:]
    assert code == "0", done.stderr
    return int(most)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["npy", "csv"])
def test_a_file_of_four_times_the_size_holds_no_more(tmp_path, monkeypatch, kind):
    import keras

    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    shape = {"npy": (500, 500, 1), "csv": (40_000,)}[kind]
    few_megabytes = {"npy": 80, "csv": 40}[kind]  # as numbers; their text takes longer
    layers = keras.layers
    network = [layers.Input(shape, name="x"), layers.Flatten(), layers.Dense(1)]
    keras.Sequential(network).save(tmp_path / "wide.keras")
    few, big = (next(n for n in NAMES if Shard(k, 2).has_item(f"{n}.{kind}")) for k in (0, 1))
    store(tmp_path / f"{few}.{kind}", np.ones((2, *shape), np.float32))
    sizes = {}
    for megabytes in (few_megabytes, 4 * few_megabytes):
        rows = megabytes * 250_000 // math.prod(shape)
        values = np.random.default_rng(0).integers(0, 9, (rows, *shape)).astype(np.float32)
        store(tmp_path / f"{big}.{kind}", values)
        call = ("saliency", "wide.keras", f"{few}.{kind}", f"{big}.{kind}", "--picture", "none")
        out, share = f"out{rows}", f"share{rows}"
        held(tmp_path, *call, "--shard", "0/2", "-o", out)
        steps = {
            "dry run": (*call, "--dry-run"),
            "run": (*call, "--shard", "1/2", "-o", share),
            "merge": ("merge", out, share),
            "verify": ("verify", out),
            "render": ("render", out, "--scale", "run", "--zoom", "1"),
        }
        for step in steps if kind == "npy" else list(steps)[:-1]:  # tables are not drawn
            sizes.setdefault(step, []).append(held(tmp_path, *steps[step]))
        assert len(arrays(tmp_path / out / f"{big}.{kind}.gradient.npz")["x"]) == rows
    for step, (first, second) in sizes.items():
        print(f"{kind}, {step}: {first / 1e6:.0f} MB, {second / 1e6:.0f} MB")
        assert second < 1.1 * first, step


def store(path, values):
    if path.suffix == ".npy":
        np.save(path, values)
    else:
        path.write_text("".join(",".join(map(str, row)) + "\n" for row in values.tolist()))

"""A process that dies in the middle of a run: what is at fault is found, the rest is done."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from functools import partial
from xml.etree import ElementTree

import numpy as np
import pytest

from inputgrad_cli.supervision.worker_crash_history import MAX_DEATHS
from inputgrad_cli.supervision.worker_death_errors import CRASH_REASONS
from tests.cli import journal, strict
from tests.conftest import Result
from tests.faults.conftest import ENV, draw_many
from tests.faults.invariants import results
from tests.faults.server import SETTINGS

from .conftest import poison

WORDS = ("saliency", "m.keras", "in", "--json", "--batch-size", "4")
COUNT = 11
TRACED = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}
SLOW = [pytest.param(signum, marks=pytest.mark.slow) for signum in sorted(CRASH_REASONS)]


@pytest.fixture
def names(folder):
    """Draw the inputs; the one in the middle of a batch is poisoned."""
    names = draw_many(folder / "in", COUNT)
    poison(folder / "in" / names[5])
    return names


def read_items(result):
    """Return the items of a stream by name, after a look at how it begins and ends."""
    first, *lines, last = [strict(line) for line in result.out.splitlines()]
    assert (first["type"], last["type"]) == ("start", "summary")
    assert last["exit"] == result.code
    items = [line for line in lines if line["type"] == "item"]
    by_name = {item["input"]: item for item in items}
    assert len(by_name) == len(items), "told twice"
    counts = [sum(item["status"] == word for item in items) for word in ("ok", "failed", "skipped")]
    assert counts == [last["ok"], last["failed"], last["skipped"]]
    return by_name


def crashed(result, names):
    """Check that exactly these items crashed, and that all others are well."""
    items = read_items(result)
    bad = {name for name, item in items.items() if item["status"] == "failed"}
    assert bad == set(names)
    assert {items[name]["error"]["kind"] for name in bad} <= {"crashed"}
    return items


@pytest.mark.parametrize("signum", [signal.SIGSEGV, signal.SIGKILL, *SLOW])
def test_a_file_at_which_the_process_dies_fails_alone(tool, folder, names, temporary, signum):
    env = {"TMPDIR": str(temporary)}
    assert tool(*WORDS, "-o", "clean").code == 0
    result = tool(*WORDS, "-o", "out", "--junit", "j.xml", crash=signum, env=env)
    items = crashed(result, [names[5]])
    assert result.code == 3
    assert set(items) == set(names)
    message = items[names[5]]["error"]["message"]
    assert signal.Signals(signum).name in message
    assert message in result.err
    lines = {line["input"]: line for line in journal(folder / "out")}
    assert len(lines) == len(journal(folder / "out")) == COUNT
    assert lines[names[5]]["error"]["kind"] == "crashed"
    clean, disturbed = results(folder / "clean"), results(folder / "out")
    assert disturbed == {name: mark for name, mark in clean.items() if names[5] not in name}
    suite = ElementTree.parse(folder / "j.xml").find("testsuite")
    assert [suite.get(name) for name in ("tests", "failures", "errors")] == [str(COUNT), "1", "0"]
    left = [str(path) for path in temporary.iterdir()]
    assert all(path in message for path in left)
    assert len(left) == (signum in TRACED)


def test_a_later_call_tries_it_last_and_alone_and_then_it_may_succeed(tool, folder, names):
    assert tool(*WORDS, "-o", "out", crash=signal.SIGSEGV).code == 3
    draw_many(folder / "in/more", 2)
    again = tool(*WORDS, "-o", "out", crash=signal.SIGSEGV)
    items = crashed(again, [names[5]])
    assert list(items)[-1] == names[5]
    assert sum(item["status"] == "ok" for item in items.values()) == 2
    well = read_items(tool(*WORDS, "-o", "out"))
    assert {name for name, item in well.items() if item["status"] == "ok"} == {names[5]}


@pytest.mark.parametrize("batch", ["1", "3", "64"])
def test_several_files_among_batches_of_any_size(tool, folder, names, batch):
    for index in (0, 6, 10):
        poison(folder / "in" / names[index])
    words = (*WORDS[:-1], batch, "-o", "out")
    result = tool(*words, crash=signal.SIGABRT)
    crashed(result, [names[index] for index in (0, 5, 6, 10)])
    assert result.code == 3


def test_what_was_there_is_overwritten_once_and_refused_at_first_alone(tool, folder, names):
    assert tool(*WORDS, "-o", "out", "--seed", "1").code == 0
    assert tool(*WORDS, "-o", "out", "--on-exists", "error").code == 2
    over = (*WORDS, "-o", "out", "--on-exists", "overwrite", "--seed", "2")
    crashed(tool(*over, crash=signal.SIGSEGV), [names[5]])
    fresh = (*WORDS, "-o", "new", "--on-exists", "error")
    crashed(tool(*fresh, crash=signal.SIGSEGV), [names[5]])


def test_shares_and_a_list_on_stdin(start, tool, folder, names):
    items = {}
    for share in ("0/2", "1/2"):
        result = tool(*WORDS, "-o", "out", "--shard", share, crash=signal.SIGSEGV)
        items |= read_items(result)
    assert set(items) == set(names)
    assert items[names[5]]["error"]["kind"] == "crashed"
    words = ("saliency", "m.keras", "-", "--json", "-o", "listed", "--root", "in")
    process = start(*words, crash=signal.SIGSEGV, stdin=-1)
    out, _ = process.communicate("".join(f"in/{name}\n" for name in names), timeout=60)
    assert process.returncode == 3
    assert out.count('"status": "ok"') == COUNT - 1
    assert strict(out.splitlines()[-1])["failed"] == 1


def test_what_comes_through_a_pipe_is_not_read_a_second_time(tool, folder, names):
    read, write = os.pipe()
    os.write(write, "".join(f"in/{name}\n" for name in names).encode())
    os.close(write)
    line = [sys.executable, "-m", "tests.faults.server", "saliency", "m.keras", "--json"]
    env = {**os.environ, **ENV, SETTINGS: json.dumps({"crash": signal.SIGSEGV})}
    options = {"cwd": folder, "env": env, "capture_output": True, "text": True, "timeout": 60}
    settings, written = os.pipe()
    os.write(written, b"[saliency]\nout = 'listed'\n")
    os.close(written)
    listed = [*line, "--from-file", f"/dev/fd/{read}", "--root", "in"]
    listed += ["--config", f"/dev/fd/{settings}"]
    done = subprocess.run(listed, pass_fds=[read, settings], check=False, **options)
    os.close(read)
    os.close(settings)
    assert len(results(folder / "listed")) == 2 * (COUNT - 1)
    result = Result(done.returncode, done.stdout, done.stderr)
    crashed(result, [names[5]])
    assert len(read_items(result)) == COUNT
    os.mkfifo(folder / "x.npy")
    written = io.BytesIO()
    np.save(written, np.full((8, 8, 3), 90, np.uint8))
    write = partial((folder / "x.npy").write_bytes, written.getvalue())
    threading.Thread(target=write, daemon=True).start()
    done = subprocess.run([*line, "x.npy", "in"], check=False, **options)
    assert done.returncode == 70
    assert strict(done.stdout.splitlines()[-1])["exit"] == 70


def test_a_warning_is_said_once_however_many_processes_work(tool, folder, names):
    assert tool(*WORDS, "-o", "out").code == 0
    result = tool(*WORDS, "-o", "out", "--seed", "7", crash=signal.SIGSEGV)
    warnings = [line for line in result.out.splitlines() if '"type": "warning"' in line]
    assert warnings
    assert len(set(warnings)) == len(warnings)


def test_where_every_file_kills_the_process_the_run_ends(tool, folder, names):
    more = draw_many(folder / "in", 3 * MAX_DEATHS)
    for name in more:
        poison(folder / "in" / name)
    result = tool(*WORDS, "-o", "out", crash=signal.SIGSEGV)
    *lines, error, summary = [strict(line) for line in result.out.splitlines()]
    assert result.code == error["exit"] == summary["exit"] == 70
    assert error["type"] == "error"
    assert "TF_ENABLE_ONEDNN_OPTS=0" in error["message"]
    assert 0 < summary["failed"] < MAX_DEATHS
    assert summary["failed"] == sum(line["type"] == "item" for line in lines)


@pytest.mark.parametrize("signum", [signal.SIGSEGV, signal.SIGKILL])
def test_a_model_at_which_the_process_dies_cannot_be_used(tool, names, temporary, signum):
    env = {"TMPDIR": str(temporary)}
    result = tool(*WORDS, "-o", "out", opening=signum, env=env)
    start, error, summary = [strict(line) for line in result.out.splitlines()]
    assert result.code == error["exit"] == summary["exit"] == 4
    assert (start["type"], error["type"], summary["type"]) == ("start", "error", "summary")
    assert error["message"].startswith("m.keras: ")
    assert signal.Signals(signum).name in error["message"]
    assert f"inputgrad: {error['message']}\n" == result.err
    assert all(str(path) in error["message"] for path in temporary.iterdir())


def test_a_command_that_computes_nothing_dies_with_a_sentence(tool, folder, names):
    assert tool(*WORDS, "-o", "out").code == 0
    fault = {"folder": str(folder / "out"), "at": 1, "effect": "die", "only": "open"}
    result = tool("render", "out", "--picture", "heatmap", "--json", fault=fault)
    assert (result.code, result.out) == (70, "")
    assert result.err.count("\n") == 1
    assert result.err.startswith("inputgrad: the process died of SIGKILL while")
    assert tool("verify", "out").code == 0


def test_what_cannot_be_compiled_goes_on_without_onednn_unless_that_was_chosen(tool, folder, names):
    plain = {"TF_ENABLE_ONEDNN_OPTS": None}
    result = tool(*WORDS, "-o", "out", uncompiled=True, env=plain)
    items = read_items(result)
    assert (result.code, result.err) == (0, "")
    assert len(items) == COUNT
    chosen = tool(*WORDS, "-o", "new", uncompiled=True, env={"TF_ENABLE_ONEDNN_OPTS": "1"})
    assert chosen.code == 3
    assert {item["error"]["kind"] for item in read_items(chosen).values()} == {"compute"}


KILLER = """
import os, signal
import keras, numpy, tensorflow as tf

def fatal(x):
    if (x[:, 0] == 7).any():
        os.kill(os.getpid(), signal.SIGSEGV)
    return x

@keras.saving.register_keras_serializable("killer")
class Killer(keras.layers.Layer):
    def call(self, inputs):
        return inputs + tf.stop_gradient(0 * tf.numpy_function(fatal, [inputs], tf.float32))

    def compute_output_shape(self, shape):
        return shape
"""


def test_tensorflow_that_dies_at_one_input_is_started_anew_for_the_others(spawn, tmp_path):
    import keras

    scope = {"__name__": "killer"}
    (tmp_path / "killer.py").write_text(KILLER)
    exec(compile(KILLER, "killer.py", "exec"), scope)
    layers = [keras.Input((3,)), scope["Killer"](), keras.layers.Dense(1)]
    keras.Sequential(layers).save(tmp_path / "m.keras")
    (tmp_path / "in").mkdir()
    for index in range(6):
        values = np.full(3, 7 if index == 4 else index, np.float32)
        np.save(tmp_path / f"in/{index}.npy", values)
    words = ("saliency", "m.keras", "in", "--code", "killer.py", "--json", "--picture", "none")
    result = spawn(*words)
    items = crashed(result, ["4.npy"])
    assert (result.code, len(items)) == (3, 6)

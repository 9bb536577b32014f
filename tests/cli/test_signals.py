"""Real signals to real processes, also in the middle of one long call of TensorFlow."""

import os
import signal
import subprocess
import sys
import time
from xml.etree import ElementTree

import numpy as np
import pytest

from inputgrad_cli.supervision.signal_forwarding import GRACE_SECONDS
from tests.processes import started

from . import draw, journal, strict

SPIN = """
import pathlib, keras, tensorflow as tf

@tf.function
def spin():
    step = lambda i, x: (i + 1, x * 0.999)
    return tf.while_loop(lambda i, x: i < TIMES, step, (tf.constant(0, tf.int64), 1.0))[1]

@keras.saving.register_keras_serializable("spin")
class Spin(keras.layers.Layer):
    def call(self, inputs):
        if not isinstance(inputs, tf.__internal__.EagerTensor):
            return inputs
        with pathlib.Path("inside").open("a") as file:
            file.write("x")
        return inputs + 0.0 * tf.stop_gradient(spin())
"""


@pytest.fixture
def start(tmp_path):
    """Start the command in a process of its own; what still runs at the end is ended."""
    with started() as popen:

        def start(*words, before=(), **options):
            tool = [*before, sys.executable, "-m", "inputgrad_cli", *map(str, words)]
            return popen(tool, cwd=tmp_path, **options)

        yield start


@pytest.fixture
def spinning(start, tmp_path):
    """Start a call whose first pass is one long native call, and return it once inside."""
    import keras
    import tensorflow as tf

    def spinning(times):
        scope = {"__name__": "spin"}
        code = SPIN.replace("TIMES", str(times))
        (tmp_path / "spin.py").write_text(code)
        exec(compile(code, "spin.py", "exec"), scope)
        with tf.device("cpu"):
            layers = [keras.Input((3,)), scope["Spin"](), keras.layers.Dense(1)]
            keras.Sequential(layers).save(tmp_path / "spin.keras")
        np.save(tmp_path / "x.npy", np.ones(3, "float32"))
        words = ("saliency", "spin.keras", "x.npy", "--code", "spin.py", "--json")
        process = start(*words, "--picture", "none", "--junit", "j.xml")
        wait_for((tmp_path / "inside").exists, process)
        time.sleep(1)
        return process

    return spinning


def wait_for(fact, process=None, seconds=60):
    """Wait until a fact holds; a process that ends before it is told with its words."""
    until = time.monotonic() + seconds
    while not fact():
        if process is not None and process.poll() is not None and not fact():
            raise AssertionError(process.communicate())
        assert time.monotonic() < until
        time.sleep(0.02)


def events(text):
    return [strict(line) for line in text.splitlines()]


def test_a_signal_in_a_long_native_call_ends_it_after_the_grace(spinning, tmp_path):
    process = spinning(10**10)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert time.monotonic() - began > GRACE_SECONDS - 1
    assert "Traceback" not in err
    assert [line["type"] for line in events(out)] == ["start"]
    assert ElementTree.parse(tmp_path / "j.xml").find("testsuite") is not None
    left = {path.name for path in (tmp_path / "inputgrad-out").iterdir()}
    assert left <= {".lock", "run.json", "journal.jsonl"}


def test_a_second_signal_ends_a_long_native_call_at_once(spinning):
    process = spinning(10**10)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.4)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert time.monotonic() - began < GRACE_SECONDS


@pytest.fixture
def many(samples, tmp_path):
    """Return the words of a call that takes some seconds and many batches."""
    for index in range(60):
        draw(tmp_path / "in" / f"{index:02}.png", seed=index)
    method = ("-m", "smoothgrad:samples=100")
    return "saliency", samples / "shapes.keras", "in", *method, "--batch-size", "4", "--json"


def some_done(tmp_path):
    path = tmp_path / "inputgrad-out/journal.jsonl"
    return lambda: path.exists() and path.read_bytes().count(b"\n") >= 2


@pytest.mark.parametrize(
    "signum",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_the_batch_ends_the_summary_is_written_and_the_signal_kills(start, many, tmp_path, signum):
    process = start(*many, "--junit", "j.xml")
    wait_for(some_done(tmp_path), process)
    for _ in range(2):  # twice in a moment is once: `timeout` does that
        process.send_signal(signum)
    out, err = process.communicate(timeout=30)
    assert process.returncode == -signum
    assert "Traceback" not in err
    assert "the same call again does the rest" in err
    *lines, summary = events(out)
    assert summary["type"] == "summary"
    done = [line["input"] for line in lines if line["type"] == "item"]
    assert 2 <= len(done) == summary["ok"] < 60
    assert sorted(done) == sorted(line["input"] for line in journal(tmp_path / "inputgrad-out"))
    cases = ElementTree.parse(tmp_path / "j.xml").findall("testsuite/testcase")
    assert sorted(case.get("name").split()[0] for case in cases) == sorted(done)


def test_under_nohup_the_end_of_a_terminal_is_not_heard(start, samples, tmp_path):
    draw(tmp_path / "a.png")
    words = ("saliency", samples / "shapes.keras", "a.png")
    process = start(*words, before=("nohup",), stdin=subprocess.DEVNULL)
    wait_for((tmp_path / "inputgrad-out").exists, process)
    process.send_signal(signal.SIGHUP)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "a.png" in out


def test_before_the_work_begins_a_signal_ends_it_at_once(start, samples, tmp_path):
    words = ("saliency", samples / "shapes.keras", "-")
    process = start(*words, stdin=subprocess.PIPE)
    time.sleep(1.5)  # it waits for names
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert "Traceback" not in err


def test_a_reader_that_leaves_ends_the_run_by_sigpipe(start, many, tmp_path):
    process = start(*many)
    for _ in range(3):
        process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGPIPE
    assert err == ""
    lines = journal(tmp_path / "inputgrad-out")
    assert 2 <= len(lines) < 60
    for line in lines:
        for file in line["files"]:
            size = (tmp_path / "inputgrad-out" / file["path"]).stat().st_size
            assert size == file["size"]


def test_closed_descriptors_harm_no_file(tmp_path, samples):
    draw(tmp_path / "a.png")
    words = ("saliency", samples / "shapes.keras", "a.png", "--json", "-o")
    # A process of its own too: which kernels compute the last digits is settled once a process.
    command = [sys.executable, "-m", "inputgrad_cli", *map(str, words), "open"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    line = " ".join(f'"{word}"' for word in (sys.executable, "-m", "inputgrad_cli", *words))
    done = subprocess.run(["bash", "-c", f"{line} closed <&- >&- 2>&-"], cwd=tmp_path, check=False)
    assert done.returncode == 0
    for path in (tmp_path / "open").iterdir():
        if path.name not in ("run.json", ".lock"):
            assert path.read_bytes() == (tmp_path / "closed" / path.name).read_bytes()


def test_no_home_no_temporary_directory_no_locale(start, samples, tmp_path):
    draw(tmp_path / "a.png")
    gone = {"HOME", "LANG", "LC_ALL", "LC_CTYPE", "XDG_CACHE_HOME"}
    env = {name: value for name, value in os.environ.items() if name not in gone}
    words = ("saliency", samples / "shapes.keras", "a.png", "--picture", "panel")
    process = start(*words, env={**env, "TMPDIR": "/nowhere", "MPLCONFIGDIR": ""})
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err == ""


INTERRUPTED_READ = """
import io, os, signal, sys
import h5py
from inputgrad_cli.cli.signals import end_on_signals
from inputgrad_cli.supervision.signal_forwarding import GRACE_SECONDS
from inputgrad_cli.modelfile.hdf5.array_listing import open_hdf5

class Interrupted(io.FileIO):
    def readinto(self, buffer):
        os.kill(os.getpid(), signal.SIGINT)
        return super().readinto(buffer)

end_on_signals()
with h5py.File(sys.argv[1], "w") as file:
    file["x"] = 1.0
with open_hdf5(Interrupted(sys.argv[1]), sys.argv[1]):
    pass
"""


def test_an_interrupt_while_a_library_reads_a_file_is_no_damaged_file(tmp_path):
    """Libraries call Python to read, and take an exception there for an error of the file."""
    line = [sys.executable, "-c", INTERRUPTED_READ, str(tmp_path / "a.h5")]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGINT, done.stderr
    assert done.stderr == "inputgrad: stopped.\n"

"""Dask clusters of real processes, and calls of the command that compute on them."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tests.conftest import Result
from tests.faults.engine import save_model
from tests.faults.invariants import Whole, lines, results
from tests.faults.server import SETTINGS

ROOT = Path(__file__).parents[3]
HOOKS = Path(__file__).with_name("hooks")
CLOSED_FORM = (sys.executable, "-m", "tests.faults.server")
COMMAND = (sys.executable, "-m", "inputgrad_cli")
MODEL = []  # its bytes, once it is made
LOCAL_CALLS = {}  # and the hashes of their files, by the names of the pictures
WORDS = ("saliency", "m.keras", "in", "--zoom", "1", "--batch-size", "4", "--json")


def write_model(path):
    """Write the same model for all tests, whose hash is in the results."""
    if not MODEL:
        MODEL.append(save_model(path).read_bytes())
    path.write_bytes(MODEL[0])


class Cluster:
    """A scheduler, its workers, and a folder with a model, in which the command is called.

    `popen` starts processes, and ends them after the test. What is the cluster's own is beside the
    folder. `local` is what the last call in its own process came to.
    """

    def __init__(self, folder, popen, **env):
        self.folder, self._popen = folder, popen
        self.home = folder.with_name(f"{folder.name}-cluster")
        self.home.mkdir()
        self.file, self._log = self.home / "scheduler.json", self.home / "log"
        self._hooks, self.local = self.home / "hooks.json", None
        self.env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(HOOKS)]),
            "INPUTGRAD_TEST_HOOKS": str(self._hooks),
            "OPENBLAS_NUM_THREADS": "1",
            "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s",
            **env,
        }
        self.configure()
        write_model(folder / "m.keras")
        self.workers = []
        self.scheduler = None
        self.driver = CLOSED_FORM

    def move(self, folder):
        """Call the command in another folder from now on, with the usual engine."""
        self.folder, self.driver = folder, CLOSED_FORM
        write_model(folder / "m.keras")
        self.configure()
        return self

    def configure(self, *, seconds=0.0, crash=0, opening=0, **more):
        """Choose what processes that start from now on do; see the hooks."""
        self._log.unlink(missing_ok=True)
        engine = {"seconds": seconds, "crash": crash, "opening": opening}
        settings = {"engine": engine, "log": str(self._log), **more}
        self._hooks.write_text(json.dumps(settings))

    def compute_by_tensorflow(self):
        """Let TensorFlow compute from now on."""
        self.driver = COMMAND
        self._log.unlink(missing_ok=True)
        self._hooks.write_text(json.dumps({"log": str(self._log)}))

    def start_scheduler(self, *words, port=0):
        """Start the scheduler, without waiting for it."""
        self.file.unlink(missing_ok=True)
        options = ["--port", port, "--host", "127.0.0.1", "--no-dashboard"]
        self.scheduler = self._start("scheduler", *options, "--scheduler-file", self.file, *words)
        return self.scheduler

    def start_worker(self, *words, nanny=False, before=()):
        """Start a worker of one thread, without waiting for it."""
        options = ["--nthreads", 1, "--no-dashboard", "--nanny" if nanny else "--no-nanny"]
        options += ["--scheduler-file", self.file, "--local-directory", self.home / "scratch"]
        worker = self._start("worker", *options, *words, before=before)
        self.workers.append(worker)
        return worker

    def wait_for_workers(self, count):
        """Wait until so many workers have joined."""
        from distributed import Client

        wait_until(lambda: read_address(self.file))
        with Client(read_address(self.file), set_as_default=False) as client:
            client.wait_for_workers(count, timeout=60)

    def _start(self, kind, *words, before=()):
        module = f"distributed.cli.dask_{kind}"
        line = [*before, sys.executable, "-m", module, *map(str, words)]
        return self.start_process(line)

    def start_process(self, line):
        """Start a process of the cluster, whose output nobody reads."""
        quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        return self._popen(line, cwd=self.home, env=self.env, **quiet)

    def start_call(self, *words, out="out", named=True, **options):
        """Start a call on this cluster; with `named=False` no scheduler is named."""
        if named:
            wait_until(lambda: read_address(self.file))
        cluster = ["--scheduler-file", self.file] if named else []
        line = [*self.driver, *(words or WORDS), "--engine", "dask", *cluster, "-o", out]
        options = {"stdin": subprocess.DEVNULL, **options}
        return self._popen(list(map(str, line)), cwd=self.folder, env=self.env, **options)

    def call(self, *words, out="out", **options):
        """Return what a call on this cluster came to."""
        return finish(self.start_call(*words, out=out, **options))

    def call_local(self, *words, out="clean"):
        """Return what a call in its own process came to."""
        settings = json.dumps({"seconds": 0.0})
        line = [*self.driver, *map(str, words or WORDS), "-o", out]
        env = {**self.env, SETTINGS: settings}
        return finish(self._popen(line, cwd=self.folder, env=env, stdin=subprocess.DEVNULL))

    def expect(self, names, out="out"):
        """Return what a call must come to, by one that nothing disturbed, in its own process.

        That is made once for all tests with the same pictures.
        """
        clean = self.folder / "clean"
        if (key := tuple(names)) not in LOCAL_CALLS:
            local = self.call_local(out=clean)
            assert local.code == 0, local.err
            LOCAL_CALLS[key] = local, results(clean)
            shutil.rmtree(clean)
        self.local, files = LOCAL_CALLS[key]
        return replace(Whole.of(self.folder, self.folder / out, clean, names), clean=files)

    def count(self, kind):
        """Count the lines of the log of one kind, by what they name."""
        text = self._log.read_text() if self._log.exists() else ""
        return Counter(
            line.split(" ", 1)[1] for line in text.splitlines() if line[: len(kind)] == kind
        )

    def count_repeats(self):
        """Return how many maps were computed again."""
        written = self.count("write")
        return sum(count - 1 for name, count in written.items() if name.endswith(".npz"))


def read_address(file):
    """Return the address of a scheduler, empty while it has not written its file."""
    try:
        return json.loads(file.read_text())["address"]
    except (OSError, ValueError):
        return ""


def finish(process, seconds=100):
    """Return what a call came to."""
    out, err = process.communicate(timeout=seconds)
    return Result(process.returncode, out or "", err or "")


def wait_for_lines(process, out, count, seconds=60):
    """Wait until the journal of a running call has so many lines."""
    wait_until(lambda: process.poll() is not None or len(lines(out)) >= count, seconds)
    assert process.poll() is None, process.communicate()


def wait_until(is_true, seconds=20):
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def kill(process, signal_number=signal.SIGKILL):
    """Send a signal to a process, and wait for its end."""
    os.kill(process.pid, signal_number)
    process.wait(timeout=20)


def list_processes(word):
    """Return the processes whose command line or environment contains a word, by PID."""
    pids = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            try:
                text = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
            except OSError:
                continue
            if word.encode() in text:
                pids.append(int(folder.name))
    return pids


def watch_peak(process):
    """Return the most memory in kB that a call and its children held, when it has ended."""
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(map(read_peak, [process.pid, *find_children(process.pid)])))
        time.sleep(0.05)
    return peak


def find_children(pid):
    """Return the children of all threads of a process."""
    paths = Path(f"/proc/{pid}/task").glob("*/children")
    with contextlib.suppress(OSError):
        return [int(child) for path in paths for child in path.read_text().split()]
    return []


def read_peak(pid):
    """Return the most memory in kB that a process has held, 0 if it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(x.split()[1]) for x in text.splitlines() if x.startswith("VmHWM")), 0)

"""What several tests need: the samples, and two ways to call the command line."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from inputgrad_cli.cli.main import run

SAMPLES = Path(__file__).parent.parent / "sample_models"
sys.path.insert(0, str(SAMPLES))  # the tests draw fresh pictures with the script's own pencil

settings.register_profile("two at a time", deadline=None)  # what waits for a core is not at fault
settings.load_profile("two at a time")

# Shells start background jobs deaf to ^C, nohup starts them deaf to the end of the terminal, and
# every process that a test starts would inherit that.
for signum, heard in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(signum) is signal.SIG_IGN:
        signal.signal(signum, heard)


@dataclass(frozen=True)
class Result:
    """What a call of the command line came to."""

    code: int
    out: str
    err: str

    def events(self, kind=None):
        """Return the JSON lines of stdout, of one type if `kind` is given."""
        lines = [json.loads(line) for line in self.out.splitlines()]
        return [line for line in lines if kind in (None, line["type"])]


@pytest.fixture(autouse=True)
def never_eager_with_onednn(monkeypatch):
    """Fail where a model is called eagerly while oneDNN's kernels are on: that corrupts memory."""
    module = sys.modules.get("inputgrad_cli.engine.adapter.keras_adapter")
    if module is None:
        return
    from inputgrad_cli.engine.adapter.cpu_kernel_selection import must_compile

    if not must_compile():
        return
    import tensorflow as tf

    inner = module.KerasAdapter.call

    def call(self, tensors):
        assert not tf.executing_eagerly(), "a model is called eagerly with oneDNN's kernels"
        return inner(self, tensors)

    monkeypatch.setattr(module.KerasAdapter, "call", call)


@pytest.fixture(scope="session")
def samples():
    """Return the directory of the sample models and their inputs."""
    return SAMPLES


@pytest.fixture
def call(capfd, tmp_path, monkeypatch):
    """Call the command in this process (TensorFlow is imported once), in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def call(*argv):
        capfd.readouterr()
        code = run([str(word) for word in argv])
        out, err = capfd.readouterr()
        return Result(code, out, err)

    return call


@pytest.fixture
def spawn(tmp_path):
    """Call the command in a process of its own, in an empty directory."""

    def spawn(*argv, env=None, cwd=tmp_path, **options):
        done = subprocess.run(
            [sys.executable, "-m", "inputgrad_cli", *[str(word) for word in argv]],
            capture_output=True,
            text=True,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            timeout=120,
            check=False,
            **options,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return spawn


SLOPE = "apart from float64 finite differences"  # a property of a test: (model, relative error)


def pytest_terminal_summary(terminalreporter):
    """Print the errors that tests recorded; a report carries them from any worker."""
    stats = terminalreporter.stats
    ended = [*stats.get("passed", ()), *stats.get("failed", ())]
    table = dict(pair for report in ended for key, pair in report.user_properties if key == SLOPE)
    if table:
        terminalreporter.section(SLOPE)
        for name, error in sorted(table.items(), key=lambda pair: -pair[1]):
            terminalreporter.line(f"{name:28} {error:.1e}")


@pytest.fixture
def rng():
    """Return a seeded generator of random numbers."""
    return np.random.default_rng(7)

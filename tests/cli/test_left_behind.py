"""After any end of a call the temporary directory is as it was, for every command."""

import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from inputgrad_cli.option_choices import COMMANDS
from tests.modelfile.files import archive, layer, sequential
from tests.processes import has_mapped, started

from . import draw


@pytest.fixture(scope="module")
def folder(tmp_path_factory, samples):
    """Return a directory with models of several kinds and inputs for them."""
    from keras import layers, ops

    folder = tmp_path_factory.mktemp("left")
    x = keras.Input((4,), name="x")
    keras.Model(x, ops.clip(layers.Dense(3)(x), 0.0, 1.0)).save(folder / "between.keras")
    keras.Sequential([x, layers.Lambda(lambda v: v * 2)]).save(folder / "lambda.keras")
    keras.Sequential([x, layers.Rescaling(np.inf), layers.Dense(1)]).save(folder / "nan.keras")
    own = {**layer("Sine", "s", "waves"), "registered_name": "mine>Sine"}
    archive(folder / "own.keras", sequential(own))
    (folder / "text.keras").write_text("no model")
    (folder / "spin.py").write_text("import tempfile\ntempfile.mkdtemp()\nraise KeyError('odd')\n")
    np.save(folder / "x.npy", np.ones((2, 4), np.float32))
    draw(folder / "a.png")
    (folder / "b.png").write_text("no picture")
    return folder


@pytest.fixture
def run(folder, tmp_path):
    """Run the command with a temporary directory and a home of its own; return its code."""
    (tmp_path / "tmp").mkdir()

    def run(*words, home="/nowhere"):  # so that matplotlib makes a directory of its own too
        env = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "HOME": home, "MPLCONFIGDIR": ""}
        line = [sys.executable, "-m", "inputgrad_cli", *map(str, words)]
        done = subprocess.run(line, cwd=folder, env=env, capture_output=True, check=False)
        return done.returncode

    return run


def left(tmp_path):
    return sorted(path.name for path in (tmp_path / "tmp").iterdir())


CALLS = {
    "saliency": [
        (0, "saliency", "between.keras", "x.npy", "-o", "o"),
        (3, "saliency", "SHAPES", "a.png", "b.png", "-o", "o2", "--picture", "panel"),
        (4, "saliency", "lambda.keras", "x.npy", "-o", "o3"),
        (4, "saliency", "own.keras", "x.npy", "-o", "o4"),
        (2, "saliency", "between.keras", "x.npy", "-m", "no", "-o", "o5"),
    ],
    "optimize": [
        (0, "optimize", "between.keras", "x.npy", "--goal", "pgd:eps=1", "-t", "0", "-o", "o6"),
        (3, "optimize", "SHAPES", "a.png", "b.png", "--goal", "fgsm", "-o", "o7"),
        (4, "optimize", "lambda.keras", "x.npy", "--goal", "fgsm:eps=1", "-o", "o8"),
        (2, "optimize", "between.keras", "x.npy", "--goal", "no", "-o", "o9"),
    ],
    "inspect": [
        (0, "inspect", "between.keras"),
        (0, "inspect", "between.keras", "--load"),
        (4, "inspect", "lambda.keras", "--load"),
        (4, "inspect", "text.keras"),
    ],
    "methods": [(0, "methods"), (2, "methods", "no")],
    "render": [(0, "render", "o2", "--picture", "panel"), (2, "render", ".")],
    "report": [(0, "report", "o2"), (2, "report", ".")],
    "verify": [(0, "verify", "o"), (2, "verify", ".")],
    "merge": [(2, "merge", "o")],
    "doctor": [(0, "doctor")],
}


def test_every_command_is_called():
    assert set(CALLS) == set(COMMANDS)


def test_nothing_is_left_after_success_and_refusal(run, tmp_path, samples):
    for calls in CALLS.values():
        for code, *words in calls:
            words = [samples / "shapes.keras" if word == "SHAPES" else word for word in words]
            assert run(*words) == code, words
            assert left(tmp_path) == [], words


def test_what_the_users_code_leaves_goes_too_and_the_traceback_stays(run, tmp_path):
    code = run("saliency", "between.keras", "x.npy", "--code", "spin.py", "-o", "o6")
    assert code in (2, 4, 70)
    names = left(tmp_path)
    assert all(name.endswith(".log") for name in names)
    assert bool(names) == (code == 70)


SLEEPER = """
import sys, time
from inputgrad_cli.cli import main
import tempfile

def run(argv):
    tempfile.mkdtemp()
    open(tempfile.mkstemp()[1], "w").write("x")
    print("inside", flush=True)
    if argv[1:] == ["fault"]:
        raise KeyError
    while True:  # a signal just before a long sleep would be heard after it alone
        time.sleep(0.02)

main.cli.main = lambda argv, **more: run(argv)
sys.argv = ["inputgrad", *sys.argv[1:]]
main.main()
"""


@pytest.fixture
def sleeper(tmp_path):
    (tmp_path / "tmp").mkdir()
    with started() as popen:

        def sleeper(*words):
            env = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
            line = [sys.executable, "-c", SLEEPER, "saliency", *words]
            process = popen(line, env=env, stdout=subprocess.PIPE)
            assert process.stdout.readline() == "inside\n"
            return process

        yield sleeper


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_nothing_is_left_after_a_signal(sleeper, tmp_path, name):
    process = sleeper()
    assert len(left(tmp_path)) == 1
    process.send_signal(getattr(signal, name))
    process.wait(20)
    assert process.returncode == -getattr(signal, name)
    assert left(tmp_path) == []


def test_a_bug_leaves_its_traceback_alone(sleeper, tmp_path):
    process = sleeper("fault")
    _, err = process.communicate(timeout=20)
    assert process.returncode == 70
    (name,) = left(tmp_path)
    assert str(tmp_path / "tmp" / name) in err
    assert "KeyError" in (tmp_path / "tmp" / name).read_text()


def test_what_a_killed_call_left_goes_with_the_next_and_no_others(sleeper, run_in, tmp_path):
    killed = sleeper()
    other = sleeper()
    killed.kill()
    killed.wait(20)
    foreign = [tmp_path / "tmp" / name for name in ("inputgrad-call-x", "inputgrad-call-1-mine")]
    for folder in foreign:  # no process of that number, no lock
        folder.mkdir()
    assert len(left(tmp_path)) == 4
    assert run_in("methods") == 0
    assert len(left(tmp_path)) == 3  # the one that lives, and the two that are not ours
    other.terminate()
    other.wait(20)
    assert left(tmp_path) == sorted(folder.name for folder in foreign)


@pytest.fixture
def run_in(tmp_path):
    def run_in(*words):
        env = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
        line = [sys.executable, "-m", "inputgrad_cli", *words]
        return subprocess.run(line, env=env, capture_output=True, check=False).returncode

    return run_in


@pytest.mark.parametrize("words", [("inspect", "SHAPES", "--load"), ("doctor",)])
def test_a_signal_while_tensorflow_starts_ends_it_at_once(samples, tmp_path, words):
    (tmp_path / "tmp").mkdir()
    words = [str(samples / "shapes.keras") if word == "SHAPES" else word for word in words]
    with started() as popen:
        env = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
        process = popen([sys.executable, "-m", "inputgrad_cli", *words], env=env)
        until = time.monotonic() + 30
        while not has_mapped(process, "libtensorflow") and time.monotonic() < until:
            time.sleep(0.01)
        assert left(tmp_path)
        process.terminate()
        _, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert "Traceback" not in err
    assert left(tmp_path) == []


def test_the_python_interface_sets_nothing_in_its_callers_process(samples, tmp_path):
    text = f"""
import os, signal, tempfile
before = dict(os.environ), tempfile.gettempdir(), signal.getsignal(signal.SIGTERM)
from inputgrad_cli import api
made = api.explain(api.load({str(samples / "sequential.keras")!r}),
                   {str(samples / "inputs/sequential.npy")!r})
assert (tempfile.gettempdir(), signal.getsignal(signal.SIGTERM)) == before[1:]
assert os.environ.get("TMPDIR") == before[0].get("TMPDIR")
"""
    (tmp_path / "tmp").mkdir()
    env = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    subprocess.run([sys.executable, "-c", text], env=env, check=True, capture_output=True)
    assert left(tmp_path) == []


def test_the_temporary_files_of_a_run_inside_are_its_own(call, samples, tmp_path):
    inner = tmp_path / "out" / "inner"
    inner.mkdir(parents=True)
    (inner / ".lock").write_text("")
    (inner / ".ig-999-x.tmp").write_text("live")
    (tmp_path / "out" / ".ig-1-x.tmp").write_text("left")
    words = (samples / "sequential.keras", samples / "inputs" / "sequential.npy")
    assert call("saliency", *words, "-o", "out").code == 0
    assert (inner / ".ig-999-x.tmp").exists()
    assert not (tmp_path / "out" / ".ig-1-x.tmp").exists()

"""What a user sees in a real terminal, and that stdout does not depend on there being one."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from inputgrad_cli.option_choices import COMMANDS
from tests.faults.conftest import ENV, draw_many
from tests.faults.engine import save_model
from tests.faults.server import SETTINGS
from tests.terminal import Terminal, shown, terminals

from . import strict

COUNT = 14
WORDS = ("saliency", "m.keras", "in", "--json", "--batch-size", "4")


@pytest.fixture
def folder(tmp_path):
    """Return a directory with a model, pictures, and one file that is none."""
    save_model(tmp_path / "m.keras")
    draw_many(tmp_path / "in", COUNT - 1)
    (tmp_path / "in/broken.png").write_text("no picture")
    return tmp_path


@pytest.fixture
def terminal(folder):
    """Start the command, without TensorFlow, in a terminal; keywords are those of Terminal."""
    terminals = []

    def terminal(*words, env=None, settings=None, **options):
        line = [sys.executable, "-m", "tests.faults.server", *map(str, words)]
        env = {**ENV, SETTINGS: json.dumps(settings or {}), **(env or {})}
        terminals.append(Terminal(line, env=env, cwd=folder, **options))
        return terminals[-1]

    yield terminal
    for running in terminals:
        running.close()


def parse_lines(text):
    return [strict(line) for line in text.splitlines()]


def checked(events, code):
    """Check that a stream is whole: a start, a line an item, the summary last."""
    kinds = [event["type"] for event in events]
    assert kinds[0] == "start"
    assert kinds[-1] == "summary"
    assert kinds.count("item") == COUNT
    assert events[-1]["exit"] == code == 3
    assert (events[-1]["ok"], events[-1]["failed"]) == (COUNT - 1, 1)


WAYS = ("file", "pipe", "terminal", "reader")


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("way", WAYS)
def test_the_stream_is_whole_whatever_the_streams_are(terminal, folder, way, columns):
    """Stderr is a terminal each time; stdout is a file, a pipe, the terminal, a program's stdin."""
    if way == "file":
        with open(folder / "o.jsonl", "w") as file:
            screen = terminal(*WORDS, columns=columns, stdout=file)
            code = screen.wait()
        out = (folder / "o.jsonl").read_text()
    elif way == "pipe":
        screen = terminal(*WORDS, columns=columns, stdout=subprocess.PIPE)
        out, code = screen.process.stdout.read().decode(), screen.wait()
        screen.process.stdout.close()
    elif way == "reader":  # as `| jq` reads: line by line, each as it comes
        screen = terminal(*WORDS, columns=columns, stdout=subprocess.PIPE)
        out = "".join(line.decode() for line in screen.process.stdout)
        code = screen.wait()
        screen.process.stdout.close()
    else:
        screen = terminal(*WORDS, columns=columns)
        code = screen.wait()
        lines = screen.raw.decode().replace("\r\n", "\n").split("\n")
        out = "".join(f"{line}\n" for line in (s.rsplit("\r", 1)[-1] for s in lines) if "{" in line)
    checked(parse_lines(out), code)
    words = " ".join(shown(screen.raw, 1000))
    assert "inputgrad: failed: in/broken.png" in words


def test_a_reader_that_leaves_a_terminal_user_is_no_traceback(terminal):
    screen = terminal(*WORDS, stdout=subprocess.PIPE, settings={"seconds": 0.2})
    screen.process.stdout.readline()
    screen.process.stdout.close()
    assert screen.wait() == -signal.SIGPIPE
    assert b"Traceback" not in screen.raw


def test_words_on_stderr_say_what_failed_also_beside_json_unless_quiet(terminal):
    for quiet, expected in (((), True), (("-q",), False)):
        screen = terminal(*WORDS, *quiet, "-o", f"o{len(quiet)}", stdout=subprocess.PIPE)
        out, code = screen.process.stdout.read().decode(), screen.wait()
        screen.process.stdout.close()
        checked(parse_lines(out), code)
        assert ("broken.png" in " ".join(screen.lines)) is expected
        assert bool(screen.lines) is expected


def test_warnings_are_told_in_words_beside_json(terminal, folder):
    draw_many(folder / "one", 1)
    first = terminal("saliency", "m.keras", "one", "-q", "--picture", "none")
    assert first.wait() == 0
    screen = terminal("saliency", "m.keras", "one", "--json", "--seed", "7", stdout=subprocess.PIPE)
    events = parse_lines(screen.process.stdout.read().decode())
    screen.process.stdout.close()
    assert screen.wait() == 0
    warnings = [event["message"] for event in events if event["type"] == "warning"]
    assert warnings
    for message in warnings:
        assert message in " ".join(" ".join(screen.lines).split())


def test_an_error_is_told_in_words_and_on_the_stream(terminal):
    screen = terminal("saliency", "m.keras", "in", "--json", "-m", "no", stdout=subprocess.PIPE)
    events = parse_lines(screen.process.stdout.read().decode())
    screen.process.stdout.close()
    assert screen.wait() == 2
    assert [event["type"] for event in events] == ["error", "summary"]
    assert "no" in " ".join(screen.lines)
    assert screen.lines[0].startswith("inputgrad: ")


CALLS = {
    "saliency": [
        ("saliency", "m.keras", "in"),
        ("saliency", "m.keras", "in", "--json"),
        ("saliency", "m.keras", "in", "-n"),
        ("saliency", "m.keras", "in", "-m", "smothgrad"),
        ("saliency", "m.keras", "in", "-m", "smoothgrad:smaples=3,noise=0.1,of=input-x-gradient"),
        ("saliency", "m.keras", "nowhere/" + "long" * 30 + ".png"),
        ("saliency", "nowhere.keras", "in"),
        ("saliency", "m.keras"),
        ("saliency", "m.keras", "in", "--space", "outer"),
    ],
    "optimize": [
        ("optimize", "m.keras", "in", "--goal", "fgsm", "-o", "moved"),
        ("optimize", "m.keras", "in", "--goal", "fgsm", "-o", "moved", "--json"),
        ("optimize", "m.keras", "in", "--goal", "pgd:eps=1/255;2/255,steps=2", "-o", "radii"),
        ("optimize", "m.keras", "in", "--goal", "pgd:eps=8"),
        ("optimize", "m.keras", "in", "--goal", "pdg"),
        ("optimize", "m.keras", "in", "--goal", "fgsm", "--fail-under", "robust=1"),
        ("optimize", "m.keras", "in"),
        ("optimize", "--goals"),
    ],
    "inspect": [("inspect", "m.keras"), ("inspect", "m.keras", "--json"), ("inspect", "in")],
    "methods": [("methods",), ("methods", "smoothgrad"), ("methods", "--json"), ("methods", "x")],
    "render": [
        ("render", "inputgrad-out"),
        ("render", "inputgrad-out", "--json"),
        ("render", "in"),
    ],
    "report": [
        ("report", "inputgrad-out"),
        ("report", "inputgrad-out", "--json"),
        ("report", "in"),
    ],
    "verify": [("verify", "inputgrad-out"), ("verify", "inputgrad-out", "--json")],
    "merge": [("merge", "s"), ("merge", "s", "--json"), ("merge", "in")],
    "doctor": [("doctor",), ("doctor", "--json")],
}
DATA = {
    "saliency",
    "optimize",
    "render",
    "report",
    "verify",
    "merge",
}  # whose lines on stdout name files


def test_every_command_is_called():
    assert set(CALLS) == set(COMMANDS)


def widest(text):
    """Return the widest line that was written, whatever the screen made of it."""
    lines = text.replace("\r\n", "\n").split("\n")
    return max((len(part) for line in lines for part in line.split("\r")), default=0)


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("command", COMMANDS)
def test_no_line_is_wider_than_the_terminal_and_none_holds_an_escape_code(
    terminal, folder, command, columns
):
    assert terminal("saliency", "m.keras", "in", "-q").wait() == 3
    for share in ("0/2", "1/2"):
        terminal("saliency", "m.keras", "in", "-q", "-o", "s", "--shard", share).wait()
    for words in (*CALLS[command], (command, "--help")):
        page = not {"--help", "--goals"}.isdisjoint(words) or (
            "--json" not in words and command not in DATA
        )
        out = {} if page else {"stdout": subprocess.DEVNULL}
        screen = terminal(*words, columns=columns, **out)
        screen.wait()
        assert b"\x1b" not in screen.raw, words
        assert b"Traceback" not in screen.raw
        text = screen.raw.decode()
        longest = max(map(len, text.split()), default=0)  # a path stays whole
        assert widest(text) <= max(columns, longest + 2), (words, screen.lines)


@pytest.mark.parametrize("columns", [80, 200])
def test_what_is_no_terminal_gets_the_same_bytes_on_stdout(terminal, folder, columns):
    done = ("saliency", "m.keras", "in", "--on-exists", "overwrite")
    for words in (("methods",), ("inspect", "m.keras"), done, (*done, "--json")):
        texts = []
        for options in ({}, {"stderr": subprocess.DEVNULL}):
            screen = terminal(*words, columns=columns, stdout=subprocess.PIPE, **options)
            out = screen.process.stdout.read().decode()
            screen.process.stdout.close()
            screen.wait()
            texts.append(re.sub('"seconds": ?[0-9.]+', "", out))
        assert texts[0] == texts[1]


def test_no_colour_is_not_no_progress(terminal):
    for words, env in ((("--no-color",), {}), ((), {"NO_COLOR": "1"}), ((), {"TERM": "dumb"})):
        words = (*WORDS, "--on-exists", "overwrite", *words)
        screen = terminal(*words, env=env, settings={"seconds": 0.3}, stdout=subprocess.PIPE)
        screen.process.stdout.read()
        screen.process.stdout.close()
        screen.wait()
        assert b"item 5 of 14" in screen.raw
        assert b"\x1b" not in screen.raw


def test_quiet_draws_nothing(terminal, folder):
    draw_many(folder / "one", 1)
    screen = terminal("saliency", "m.keras", "one", "-q", settings={"seconds": 1.0})
    assert screen.wait() == 0
    assert len(screen.lines) == 1
    assert b"inputgrad: " not in screen.raw


def test_the_last_line_after_an_interrupt_is_the_count_and_the_advice(terminal, folder):
    screen = terminal("saliency", "m.keras", "in", "--batch-size", "2", settings={"seconds": 0.5})
    screen.until(lambda t: b"item 5 of 14" in t.raw)
    screen.type("\x03")
    assert screen.wait() == -signal.SIGINT
    *_, last = screen.lines
    done = len((folder / "inputgrad-out/journal.jsonl").read_text().splitlines())
    assert 4 <= done < COUNT
    assert (
        last == f"inputgrad: stopped: {done} of 14 items done; the same call again does the rest."
    )
    again = terminal("saliency", "m.keras", "in", "--batch-size", "2", settings={"seconds": 0.5})
    again.wait()
    first = next(line for line in again.lines if line)
    assert "of 14" not in first  # the line of the first call is gone
    assert f"{COUNT - 1 - done} done, {done} done before, 1 failed" in " ".join(again.lines)


def test_the_last_line_is_the_same_where_a_second_interrupt_ends_it(terminal, folder):
    screen = terminal("saliency", "m.keras", "in", "--batch-size", "2", settings={"seconds": 60})
    screen.until(lambda t: b"item 1 of 14" in t.raw)
    screen.type("\x03")
    screen.until(lambda t: b"a second signal" in t.raw)
    time.sleep(0.3)
    screen.type("\x03")
    assert screen.wait() == -signal.SIGINT
    assert "stopped: 0 of 14 items done; the same call again" in screen.lines[-1]


def test_an_interrupt_before_the_work_begins_has_its_line_too(terminal):
    screen = terminal("saliency", "m.keras", "-")
    screen.until(lambda t: b"reading" in t.raw)
    screen.type("\x03")
    assert screen.wait() == -signal.SIGINT
    assert screen.lines[-1] == "inputgrad: stopped."


@pytest.mark.parametrize("words", [("saliency",), ("inspect",), ("doctor",)])
def test_a_sign_of_life_within_a_second_and_the_stages_by_name(samples, tmp_path, words):
    model, picture = samples / "shapes.keras", samples / "inputs/shapes/00-cross.png"
    given = {"saliency": (model, picture), "inspect": (model, "--load"), "doctor": ()}
    with terminals() as make:
        screen = make(*words, *given[words[0]], cwd=tmp_path)
        assert screen.wait() == 0
    assert screen.written[0][0] < 1.0 + 2 * os.getloadavg()[0] / (os.cpu_count() or 1)
    first = screen.written[0][1].decode()
    assert first.startswith("\rinputgrad: ")
    text = screen.raw.decode()
    assert "starting TensorFlow" in text
    if words[0] != "doctor":
        assert "opening the model" in text
    if words[0] == "saliency":
        assert "item 1 of 1" in text
    assert "inputgrad:" not in " ".join(screen.lines).replace(str(samples), "")

"""Text, JSON and JUnit XML are three forms of the same events."""

import ast
import itertools
import json
import typing
from graphlib import TopologicalSorter
from pathlib import Path
from types import SimpleNamespace

import pytest

from inputgrad_cli.cli import reporters
from inputgrad_cli.cli.reporters.choose import choose_reporters
from inputgrad_cli.cli.reporters.json import JsonReporter
from inputgrad_cli.cli.reporters.junit import JunitReporter
from inputgrad_cli.cli.reporters.reporter_protocol import (
    CommandEvent,
    DryRunEnd,
    EngineLog,
    Notice,
    PlannedFiles,
    Reporter,
    Reporters,
    Result,
    RunPreparation,
    Stop,
    TextLine,
)
from inputgrad_cli.cli.reporters.run_session import open_session
from inputgrad_cli.cli.reporters.text import TextReporter
from inputgrad_cli.errors import ModelError, StorageError, UsageError
from inputgrad_cli.runs import item_event_fields
from inputgrad_cli.runs.run_events import (
    ItemEvent,
    Progress,
    RunNote,
    RunStart,
    RunWarning,
    Summary,
)

FOLDER = Path(reporters.__file__).parent
TARGET = {"asked": "auto", "output": "y", "index": [1], "label": None, "class": 1}
ITEM = {
    "input": "a.png",
    "sample": None,
    "method": "gradient",
    "target": TARGET,
    "checks": {"finite": True},
}
DONE = {"status": "ok", "score": 1.5, "probability": 0.5, "arrays": "a.npz", "picture": None}
FAILED = {"status": "failed", "error": {"kind": "unreadable", "message": "a.png is broken"}}
PLANNED = SimpleNamespace(
    item_map=SimpleNamespace(item=SimpleNamespace(path="in/a.png")), files=("out/a.npz",), size=3
)
EVENTS = [
    RunStart("1.0", "m.keras", 2),
    RunPreparation(5, 1),
    ItemEvent({**ITEM, **DONE}),
    ItemEvent({**ITEM, **FAILED}),
    RunWarning("zero", "the map is zero", "a.png"),
    RunNote("the model is traced", loud=True),
    Progress(1, 2),
    EngineLog("from TensorFlow\n"),
    Stop(),
    PlannedFiles(PLANNED),
    DryRunEnd(1, 3),
    Result({"a": 1}, lambda width: "a is 1", ("a is small",)),
    TextLine("drawn.png"),
    Notice("warning: a is small"),
    Summary(1, 1, 0, 0.5, 3),
]
ON_STREAM = {RunStart, ItemEvent, RunWarning, PlannedFiles, DryRunEnd, Result, Summary}
ON_STDOUT = {ItemEvent, PlannedFiles, DryRunEnd, Result, TextLine}


@pytest.fixture(autouse=True)
def plain_planned_fields(monkeypatch):
    monkeypatch.setattr(item_event_fields, "build_planned_fields", lambda planned: {**ITEM, **DONE})


def test_the_examples_are_all_events():
    assert {type(event) for event in EVENTS} == set(typing.get_args(CommandEvent))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_goes_through_every_reporter(event, tmp_path, capsys):
    JsonReporter().report(event)
    lines = capsys.readouterr().out.splitlines()
    assert [type(json.loads(line)) for line in lines] == [dict] * (type(event) in ON_STREAM)
    for quiet, verbose, beside_json in itertools.product([False, True], repeat=3):
        TextReporter(quiet=quiet, verbose=verbose, beside_json=beside_json).report(event)
        out, _ = capsys.readouterr()
        failed = isinstance(event, ItemEvent) and event.status == "failed"
        assert bool(out) == (type(event) in ON_STDOUT and not beside_json and not failed)
    junit = JunitReporter(tmp_path / "j.xml", strict=True)
    junit.report(event)
    junit.close()
    assert capsys.readouterr() == ("", "")
    assert b"<testsuites" in (tmp_path / "j.xml").read_bytes()


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_what_was_reported_before_is_not_printed_again(event, capsys):
    for as_json in (False, True):
        choose_reporters(as_json, verbose=True).remember(event)
    assert capsys.readouterr() == ("", "")


def test_the_top_classes_of_a_sample_are_said_once_and_only_under_v(capsys):
    classes = [["cat", 0.98765], ["d\x1b", 0.01], ["class 2", 0.0]]
    maps = [
        ItemEvent({**ITEM, **DONE, "method": method, "sample": sample, "top_classes": classes})
        for method in ("a", "b")
        for sample in (None, 3)
    ]
    for quiet, verbose, beside_json in itertools.product([False, True], repeat=3):
        reporter = TextReporter(quiet=quiet, verbose=verbose, beside_json=beside_json)
        for event in maps:
            reporter.report(event)
        out, err = capsys.readouterr()
        assert "98.77%" not in out
        lines = [
            "inputgrad: a.png: cat 98.77%, d\\x1b 1.00%, class 2 0.00%.",
            "inputgrad: a.png#3: cat 98.77%, d\\x1b 1.00%, class 2 0.00%.",
        ]
        assert err.splitlines() == (lines if verbose and not quiet else [])
    assert "top_classes" not in maps[0].record()


class Recorder:
    """A reporter as it could be added from outside the package."""

    def __init__(self):
        self.calls = []

    def report(self, event):
        self.calls.append(event)

    def remember(self, event):
        self.calls.append(event)

    def report_error(self, error, log, summary):
        self.calls.append((error.kind, summary.exit))

    def close(self):
        self.calls.append("close")


def test_a_reporter_from_outside_gets_events_errors_and_the_end(capsys):
    recorder: Reporter = Recorder()
    both = Reporters(JsonReporter())
    both.add_first(recorder)
    with open_session(both) as session:
        both.report(EVENTS[0])
        raise UsageError("there is no such thing")
    assert session.code == 2
    assert recorder.calls == [EVENTS[0], ("usage", 2), "close"]
    types = [json.loads(line)["type"] for line in capsys.readouterr().out.splitlines()]
    assert types == ["start", "error", "summary"]


def test_a_reporter_is_closed_once(capsys):
    class Full(Recorder):
        def close(self):
            super().close()
            raise StorageError("full")

    recorder = Recorder()
    with open_session(recorder):
        pass
    assert recorder.calls == ["close"]
    with open_session(Full()) as session:
        pass
    assert (session.code, session._reporter.calls) == (74, ["close", ("storage", 74)])
    assert capsys.readouterr().err == ""
    with open_session(Full()) as session:
        raise UsageError("wrong")
    assert (session.code, session._reporter.calls) == (2, [("usage", 2), "close"])
    assert capsys.readouterr().err == "inputgrad: full.\n"


def test_the_log_of_an_error_comes_before_it_and_only_once(capsys):
    text = TextReporter(quiet=True, verbose=True, beside_json=False)
    error = ModelError("no model")
    error.log = "why\n"
    text.report_error(error, "why\n", Summary(0, 0, 0, 0.0, 4))
    assert [*capsys.readouterr().err.splitlines()][:2] == ["why", "inputgrad: no model."]
    text.report_error(UsageError("no target"), "the log\n", Summary(0, 0, 0, 0.0, 2))
    assert capsys.readouterr().err.splitlines()[0] == "the log"


def test_no_reporter_knows_the_session_and_nothing_is_imported_in_a_circle():
    graph = {}
    for path in FOLDER.glob("*.py"):
        names = [node.module or "" for node in ast.walk(ast.parse(path.read_text()))
                 if isinstance(node, ast.ImportFrom)]  # fmt: skip
        inside = [name for name in names if name.startswith(reporters.__name__ + ".")]
        graph[path.stem] = {name.rsplit(".", 1)[1] for name in inside}
    list(TopologicalSorter(graph).static_order())
    assert graph["run_session"] == {"reporter_protocol"}
    assert graph["reporter_protocol"] == set()

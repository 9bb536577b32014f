"""What a run learns of its model: warnings come once, and `run.json` says how it computes now."""

import json
from dataclasses import replace

import pytest

from inputgrad_cli.data.signature import OutputSpec, Signature
from inputgrad_cli.runs.after_model_opening import Opening
from inputgrad_cli.runs.model_holder import ModelFacts
from inputgrad_cli.runs.planning.model_file_checks import check_run
from inputgrad_cli.runs.planning.run_options import RunOptions
from inputgrad_cli.runs.planning.run_plan import make_plan

MEMORY = {"memory": "passes were made smaller"}
VERSIONS = {"tensorflow": "0"}


@pytest.fixture
def plan(samples, tmp_path):
    picture = samples / "inputs" / "shapes" / "06-cross.png"
    options = RunOptions(samples / "shapes.keras", (str(picture),), out=tmp_path, batch_size=16)
    return make_plan(check_run(options))


@pytest.fixture
def facts(plan):
    outputs = (OutputSpec("y", (9,), "softmax"),)
    return ModelFacts(
        Signature(plan.outline.inputs, outputs), "traced", "eigen", 16, 3, {}, VERSIONS
    )


def record(tmp_path):
    return json.loads((tmp_path / "run.json").read_bytes())


def test_the_first_batch_writes_the_record_and_its_notes_are_warnings(plan, facts, tmp_path):
    opening = Opening(plan, plan.schedule, None)
    opening.follow(None)  # a batch that failed before any sample was explained
    assert not (tmp_path / "run.json").exists()
    assert (opening.model, opening.parallel_calls) == (None, 0)
    opening.follow(replace(facts, notes={"odd": "a note"}))
    assert opening.parallel_calls == 3
    assert (record(tmp_path)["mode"], record(tmp_path)["batch_size"]) == ("traced", 16)
    assert record(tmp_path)["versions"]["tensorflow"] == "0"
    assert ("odd", "a note") in [(w.code, w.message) for w in opening.take_warnings()]
    opening.follow(replace(facts, notes={"odd": "a note"}))
    assert opening.take_warnings() == []


def test_short_memory_is_warned_of_once_and_the_smallest_size_is_recorded(plan, facts, tmp_path):
    opening = Opening(plan, plan.schedule, None)
    codes = []
    for size, notes in ((16, {}), (8, MEMORY), (4, MEMORY), (8, MEMORY), (4, MEMORY)):
        opening.follow(replace(facts, batch_size=size, notes=notes))
        codes += [warning.code for warning in opening.take_warnings()]
    assert codes.count("memory") == 1
    assert record(tmp_path)["batch_size"] == opening.batch_size == 4


def test_a_run_without_computed_maps_writes_a_record_only_into_a_new_directory(plan, tmp_path):
    Opening(plan, plan.schedule, None).finish()
    assert record(tmp_path)["signature"]["outputs"] == []
    (tmp_path / "run.json").write_text(json.dumps({**record(tmp_path), "argv": ["first"]}))
    Opening(plan, plan.schedule, None).finish()
    assert record(tmp_path)["argv"] == ["first"]

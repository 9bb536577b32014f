"""`inputgrad optimize` as a user meets it: files, stream, exit codes, resume, gates."""

import csv
import json
import os
import re
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from inputgrad_cli.optimization.goals import goals
from inputgrad_cli.option_choices import COMMANDS
from inputgrad_cli.supervision.signal_forwarding import GRACE_SECONDS
from tests.cli import arrays, draw, files, items, journal, metadata, stream
from tests.processes import started

SHAPES = ("06-cross.png", "07-square.png", "08-circle.png")
ENDINGS = (".npz", ".after.png", ".panel.png")


@dataclass(frozen=True)
class Run:
    """A run that several tests look at: its directory, exit code, stdout and stderr."""

    home: Path
    code: int
    out: str
    err: str

    @property
    def folder(self):
        return self.home / "out"


@pytest.fixture(scope="module")
def attack_run(samples, tmp_path_factory):
    """Attack three pictures, one of which has a wrong label, and a broken one."""
    from inputgrad_cli.cli.main import run

    home = tmp_path_factory.mktemp("attacked")
    (home / "in").mkdir()
    for name in SHAPES:
        shutil.copy(samples / "inputs/shapes" / name, home / "in")
    (home / "in/broken.png").write_text("no picture")
    names = (samples / "shapes.labels.txt").read_text().split()
    with (home / "truth.csv").open("w") as file:
        rows = [(name, names.index(name[3:-4])) for name in SHAPES[:2]]
        # The circle is said to be something else: it is wrong before, and not attacked.
        rows += [(SHAPES[2], (names.index("circle") + 1) % len(names)), ("broken.png", 0)]
        csv.writer(file).writerows([("input", "value"), *rows])
    here = os.getcwd()
    os.chdir(home)
    words = ["optimize", str(samples / "shapes.keras"), "in", "--goal", "pgd:eps=8/255,steps=20"]
    try:
        with pytest.MonkeyPatch.context() as patch:
            return call_captured(patch, run, home, [*words, "--truth", "truth.csv", "-o", "out"])
    finally:
        os.chdir(here)


def call_captured(patch, run, home, words):
    import io

    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    patch.setattr(sys, "stdout", out)
    patch.setattr(sys, "stderr", err)
    code = run([*words, "--json"])
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return Run(home, code, *texts)


def events(run, kind):
    return [line for line in map(json.loads, run.out.splitlines()) if line["type"] == kind]


def by_name(run):
    return {item["input"]: item for item in events(run, "item")}


def test_every_input_has_its_files_and_nothing_else_is_there(attack_run):
    expected = {f"{name}.pgd{ending}" for name in SHAPES for ending in ENDINGS}
    assert files(attack_run.folder) == expected


def test_an_unreadable_input_fails_alone(attack_run):
    assert attack_run.code == 3
    item = by_name(attack_run)["broken.png"]
    assert (item["status"], item["error"]["kind"]) == ("failed", "unreadable")
    assert events(attack_run, "summary")[0]["failed"] == 1


def test_the_stored_picture_is_that_of_the_arrays_and_within_the_radius(attack_run):
    for name in SHAPES:
        stored = arrays(attack_run.folder / f"{name}.pgd.npz")
        pixels = np.asarray(Image.open(attack_run.folder / f"{name}.pgd.after.png").convert("RGB"))
        (site,) = (site for site in stored if f"{site}.change" in stored)
        np.testing.assert_array_equal(stored[site], pixels)
        before = np.asarray(Image.open(attack_run.home / "in" / name).convert("RGB"))
        change = pixels.astype(int) - before
        np.testing.assert_array_equal(stored[f"{site}.change"], change)
        assert np.abs(change).max() <= 8
        assert stored["trace"].shape[1] == 5


def test_an_item_says_how_its_search_has_ended(attack_run):
    item = by_name(attack_run)[SHAPES[0]]
    assert item["status"] == "ok"
    assert item["search"] == "success"
    assert item["method"] == "pgd"
    assert item["target"]["asked"] == "auto"
    assert item["before"]["label"] == "cross" != item["after"]["label"]
    assert item["probability"] == item["after"]["probability"]
    assert item["distances"]["linf"] == 8
    assert item["distances"]["fractions"]["linf"] == pytest.approx(8 / 255)
    assert item["radius"] == pytest.approx(8 / 255)
    assert 0 < item["gradient_calls"] <= 21
    assert item["stopped"] == "reached"
    assert item["results"] == [f"out/{SHAPES[0]}.pgd.after.png"]
    assert item["picture"] == f"out/{SHAPES[0]}.pgd.panel.png"
    assert item["checks"] == {"finite": True, "zero": False}


def test_the_title_of_a_panel_gives_no_class_the_probability_of_another(attack_run):
    with Image.open(attack_run.folder / f"{SHAPES[0]}.pgd.panel.png") as picture:
        text = json.loads(picture.info["inputgrad"])
    assert (text["label"], text["probability"]) == ("cross", None)  # it is a star with 71 % now


def test_the_metadata_says_the_same_as_the_stream(attack_run):
    item = by_name(attack_run)[SHAPES[0]]
    stored = metadata(attack_run.folder / f"{SHAPES[0]}.pgd.npz")
    assert stored["method"]["name"] == "pgd"
    assert stored["method"]["parameters"]["eps"] == "8/255"
    for key in ("search", "before", "after", "distances", "gradient_calls", "stopped"):
        assert stored["search"][key] == item[key], key


def test_what_was_wrong_before_is_not_moved_and_no_success(attack_run):
    item = by_name(attack_run)[SHAPES[2]]
    assert item["search"] == "already"
    assert item["gradient_calls"] == 0
    assert item["before"] == item["after"]
    stored = arrays(attack_run.folder / f"{SHAPES[2]}.pgd.npz")
    assert not any(array.any() for name, array in stored.items() if name.endswith(".change"))


def test_the_summary_counts_wrong_ones_against_the_model(attack_run):
    (summary,) = events(attack_run, "summary")
    (search,) = summary["searches"]
    assert (search["samples"], search["success"], search["already"]) == (3, 2, 1)
    assert search["clean"]["value"] == pytest.approx(2 / 3)
    assert search["robust"]["value"] == 0.0
    assert search["success_rate"] == 1.0
    assert search["gradients"] == sum(
        item["gradient_calls"] for item in by_name(attack_run).values() if item["status"] == "ok"
    )


def test_people_read_a_line_for_each_input_and_the_robust_accuracy(call, attack_run, samples):
    shutil.copytree(attack_run.folder, "out")
    shutil.copytree(attack_run.home / "in", "in")
    (Path("in") / "broken.png").unlink()
    shutil.copy(attack_run.home / "truth.csv", "truth.csv")
    words = ("optimize", samples / "shapes.keras", "in", "--goal", "pgd:eps=8/255,steps=20")
    result = call(*words, "--truth", "truth.csv", "-o", "out")
    assert result.code == 0
    assert result.out == ""  # all was done before
    assert "3 inputs, 2 right before, robust accuracy at 8/255 0.0%" in result.err
    result = call(*words, "--truth", "truth.csv", "-o", "new", "--picture", "none")
    first, second, third = result.out.splitlines()
    assert first.startswith(f"{SHAPES[0]}")
    assert re.search(r"  cross 99\.9\d*% -> ", first)  # it is not certain
    assert "L∞ 8/255" in first
    assert first.endswith(f"new/{SHAPES[0]}.pgd.after.png")
    assert "already" in third
    assert second != first
    names = {f"{name}.pgd{ending}" for name in SHAPES for ending in ENDINGS[:2]}
    assert files(Path("new")) == names
    for name in names:  # computed apart, the bytes are the same
        assert (Path("new") / name).read_bytes() == (attack_run.folder / name).read_bytes()


def test_the_run_can_be_verified_and_drawn_again(call, attack_run):
    shutil.copytree(attack_run.folder, "out")
    assert call("verify", "out").code == 0
    panel = Path("out") / f"{SHAPES[0]}.pgd.panel.png"
    before = panel.read_bytes()
    panel.unlink()
    assert call("verify", "out").code == 1
    assert call("render", "out").code == 0
    assert panel.read_bytes() == before
    assert call("verify", "out").code == 0
    after = Path("out") / f"{SHAPES[0]}.pgd.after.png"
    assert after.read_bytes() == (attack_run.folder / after.name).read_bytes()


@pytest.fixture
def cross(samples, tmp_path):
    """Return a call with one picture."""
    shutil.copy(samples / "inputs/shapes" / SHAPES[0], tmp_path / "a.png")
    return "optimize", samples / "shapes.keras", "a.png"


def test_interrupted_and_resumed_equals_clean(call, samples, tmp_path):
    """A journal that ends early, with files that it does not name, is what a kill leaves."""
    (tmp_path / "in").mkdir()
    for name in SHAPES:
        shutil.copy(samples / "inputs/shapes" / name, tmp_path / "in")
    words = ("optimize", samples / "shapes.keras", "in", "--goal", "pgd:steps=5,eps=1/255;4/255")
    assert call(*words, "-o", "clean").code == 0
    assert call(*words, "-o", "cut").code == 0
    lines = (tmp_path / "cut/journal.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "cut/journal.jsonl").write_bytes(b"".join(lines[:1]) + lines[1][:40])
    (tmp_path / "cut" / f"{SHAPES[2]}.pgd.npz").unlink()
    for name in ("robustness.csv", "robustness.png"):
        (tmp_path / "cut" / name).unlink()
    result = call(*words, "-o", "cut", "--json")
    assert result.code == 0
    assert [item["status"] for item in items(result)].count("skipped") == 1
    assert files(tmp_path / "cut") == files(tmp_path / "clean")
    for name in files(tmp_path / "clean"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "clean" / name).read_bytes()
    assert sorted(map(str, journal(tmp_path / "cut"))) == sorted(
        map(str, journal(tmp_path / "clean"))
    )
    with (tmp_path / "clean/robustness.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["eps"]) for row in rows] == [1 / 255, 4 / 255]


@pytest.mark.parametrize(
    "option",
    [["--goal", "fgsm:eps=4/255"], ["--truth", "3"], ["--labels", "l.txt"], ["-t", "class:1"]],
)
def test_what_decides_a_result_is_part_of_its_fingerprint(call, cross, tmp_path, option):
    (tmp_path / "l.txt").write_text("a\nb\nc\nd\ne\n")
    base = ["--goal", "fgsm:eps=2/255", "--picture", "none", "--json"]
    call(*cross, *base)
    words = option if option[0] == "--goal" else [*base[:2], *option]
    result = call(*cross, *words, *base[2:])
    assert [item["status"] for item in items(result)] == ["ok"]
    assert [item["status"] for item in items(call(*cross, *words, *base[2:]))] == ["skipped"]


@pytest.mark.parametrize(
    ("gate", "code"),
    [
        (["--fail-over", "success-rate=0.5"], 1),
        (["--fail-under", "robust-accuracy=0.1"], 1),
        (["--fail-under", "median-distance=2/255"], 0),
        (["--fail-over", "success-rate=1"], 0),
    ],
)
def test_a_gate_that_does_not_hold_exits_with_1(call, cross, gate, code):
    result = call(*cross, "--goal", "fgsm:eps=16/255", "--picture", "none", "--json", *gate)
    assert result.code == code
    codes = [line["code"] for line in stream(result) if line["type"] == "warning"]
    assert ("gate" in codes) == (code == 1)
    assert stream(result)[-1]["exit"] == code
    assert call(*cross, "--goal", "fgsm:eps=16/255", "--picture", "none", *gate).code == code


def test_a_search_that_finds_nothing_is_a_result(call, cross):
    result = call(*cross, "--goal", "fgsm:eps=1/255", "--json")
    assert result.code == 0
    (item,) = items(result)
    assert item["search"] == "failed"
    assert item["radius"] is None


def test_a_targeted_attack_goes_to_the_class_that_is_named(call, cross):
    result = call(*cross, "--goal", "pgd:eps=16/255", "-t", "class:star", "--json")
    (item,) = items(result)
    assert item["search"] == "success"
    assert item["after"]["label"] == "star"
    assert item["arrays"] == "inputgrad-out/a.png.pgd.class-star.npz"
    assert "robust" not in stream(result)[-1]["searches"][0]


def test_a_table_has_a_row_before_and_one_after(call, samples, tmp_path):
    table = samples / "inputs/sequential.csv"
    result = call(
        *("optimize", samples / "sequential.keras", table, "--goal", "pgd:eps=0.5"),
        *("-t", "unit:0", "--until", "0", "--json"),
    )
    assert result.code == 0, result.err
    assert len(items(result)) == 8
    assert {item["search"] for item in items(result)} <= {"success", "failed", "already"}
    path = tmp_path / "inputgrad-out/sequential.csv.pgd.unit0.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows] == ["before", "after"] * 8
    for item, before, after in zip(items(result), rows[0::2], rows[1::2], strict=True):
        changed = [n for n in before if n.startswith("f") and before[n] != after[n]]
        assert after["changed"] == ";".join(changed)
        assert (item["search"] == "already") == (not changed)
    again = call(
        *("saliency", samples / "sequential.keras", path, "-t", "unit:0", "--json", "-o", "again")
    )
    scores = [item["score"] for item in items(again)][1::2]
    expected = [item["after"]["value"] for item in items(result)]
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-6)


def test_a_counterfactual_keeps_frozen_columns_and_says_why_it_fails(call, samples, tmp_path):
    table = samples / "inputs/sequential.csv"
    (tmp_path / "ranges.csv").write_text("feature,low,high\nf2,-5,5\nf3,-5,5\n")
    words = ("--goal", "counterfactual", "-t", "unit:0", "--until", "1", "--data", table)
    result = call(
        *("optimize", samples / "sequential.keras", table, *words, "--freeze", "f0,f1", "--json"),
        *("--ranges", "ranges.csv"),
    )
    assert result.code == 0, result.err
    with (tmp_path / "inputgrad-out/sequential.csv.counterfactual.unit0.csv").open() as file:
        rows = list(csv.DictReader(file))
    for item, before, after in zip(items(result), rows[0::2], rows[1::2], strict=True):
        assert (before["f0"], before["f1"]) == (after["f0"], after["f1"])
        if item["search"] == "success":
            ends = [item[when]["value"] for when in ("before", "after")]
            assert min(ends) <= 1 <= max(ends)  # crossed from the side on which it was
        elif item["search"] == "failed":
            assert "closest" in item["note"]
    assert sum(item["search"] == "success" for item in items(result)) >= 4
    refused = call("optimize", samples / "sequential.keras", table, *words, "--freeze", "f99")
    assert refused.code == 2
    assert "f99" in refused.err


def test_without_an_input_maximize_begins_at_noise(call, samples, tmp_path):
    words = ("optimize", samples / "shapes.keras", "--goal", "maximize:steps=4", "-t", "class:star")
    result = call(*words, "--seed", "3", "--gif", "--json")
    assert result.code == 0, result.err
    (item,) = items(result)
    assert item["input"] == "maximize-class-star-3"
    assert item["path"] is None
    assert item["target"]["label"] == "star"
    assert files(tmp_path / "inputgrad-out") == {
        f"maximize-class-star-3{ending}" for ending in (*ENDINGS, ".gif")
    }
    assert call("verify", "inputgrad-out").code == 0
    (again,) = items(call(*words, "--seed", "3", "--gif", "--json"))
    assert again["status"] == "skipped"
    planned = call(*words, "--seed", "4", "-n").out
    assert "maximize-class-star-4.after.png" in planned


def test_maximize_with_its_defaults_scores_higher_than_any_picture_of_the_class(call, samples):
    model, target = samples / "shapes.keras", ("-t", "class:circle")
    real = call(
        "saliency", model, samples / "inputs/shapes", *target, "--picture", "none", "--json"
    )
    highest = max(item["score"] for item in items(real))
    result = call("optimize", model, "--goal", "maximize", *target, "--json")
    assert result.code == 0, result.err
    (item,) = items(result)
    assert item["steps"] == 256
    assert item["after"]["label"] == "circle"
    assert item["after"]["score"] > highest > item["before"]["score"]


def test_a_signal_is_drawn_before_and_after(call, samples):
    result = call(
        *("optimize", samples / "sensors.keras", samples / "inputs/sensors_fault.npy"),
        *("--goal", "pgd:eps=0.1,steps=2", "-t", "loss:reconstruction", "--json"),
    )
    assert result.code == 0, result.err
    item = items(result)[0]
    with Image.open(item["picture"]) as picture:
        assert json.loads(picture.info["inputgrad"])["kind"] == "search-signal"


def test_a_row_of_a_table_is_drawn_column_by_column_and_drawn_again(call, samples, tmp_path):
    shutil.copy(samples / "inputs/sequential.csv", tmp_path / "rows.csv")
    words = ("optimize", samples / "sequential.keras", "rows.csv", "--goal", "pgd:eps=0.5,steps=3")
    result = call(*words, "-t", "unit:0", "--until", "0", "--json")
    assert result.code == 0, result.err
    paths = [tmp_path / item["picture"] for item in items(result)]
    assert [path.name for path in paths] == [f"rows.csv.pgd.unit0.{n}.panel.png" for n in range(8)]
    with Image.open(paths[0]) as picture:
        text = json.loads(picture.info["inputgrad"])
    assert (text["kind"], text["columns"]) == ("search-row", [*range(10)])
    first = [path.read_bytes() for path in paths]
    assert call("render", "inputgrad-out").code == 0
    assert [path.read_bytes() for path in paths] == first
    (tmp_path / "rows.csv").unlink()  # with it, the names of the columns are gone
    redrawn = call("render", "inputgrad-out")
    assert redrawn.code == 0
    assert "its input is gone" in redrawn.err
    assert [path.read_bytes() for path in paths] != first


def test_a_row_of_several_inputs_is_one_picture_with_their_names(call, tmp_path):
    inputs = [keras.Input((1,), name=name) for name in ("income", "age", "debt")]
    joined = keras.layers.Concatenate()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(joined))
    model.set_weights([np.array([[1.0], [2.0], [-1.0]]), np.zeros(1)])
    model.save(tmp_path / "m.keras")
    (tmp_path / "t.csv").write_text("id,age,debt,income\nr0,33,1,50\nr1,20,2,70\n")
    words = ("optimize", "m.keras", "t.csv", "--goal", "pgd:eps=0.5,steps=3", "-t", "unit:0")
    words = (*words, "--until", "1000")
    planned = {line.split(" -> ")[1] for line in call(*words, "-n").out.splitlines()[:-1]}
    result = call(*words, "--json")
    assert result.code == 0, result.err
    written = {f"inputgrad-out/{name}" for name in files(tmp_path / "inputgrad-out")}
    assert planned == written
    paths = [tmp_path / item["picture"] for item in items(result)]
    assert [path.name for path in paths] == [f"t.csv.pgd.unit0.{n}.panel.png" for n in range(2)]
    with Image.open(paths[0]) as picture:
        text = json.loads(picture.info["inputgrad"])
    assert (text["kind"], text["columns"]) == ("search-row", [0, 1, 2])
    first = [path.read_bytes() for path in paths]
    assert call("render", "inputgrad-out").code == 0
    assert [path.read_bytes() for path in paths] == first
    assert call("report", "inputgrad-out").code == 0


def test_a_dry_run_names_the_files_that_a_run_writes(call, cross, tmp_path):
    words = (*cross, "--goal", "fgsm", "--goal", "fgsm:eps=1/255,as=small")
    planned = {line.split(" -> ")[1] for line in call(*words, "-n").out.splitlines()[:-1]}
    call(*words)
    written = {f"inputgrad-out/{name}" for name in files(tmp_path / "inputgrad-out")}
    assert (
        planned
        == written
        == {
            f"inputgrad-out/a.png.{label}{ending}"
            for label in ("fgsm", "small")
            for ending in ENDINGS
        }
    )


def test_shards_make_what_one_run_makes(call, samples, tmp_path):
    (tmp_path / "in").mkdir()
    for seed in range(4):
        draw(tmp_path / f"in/{seed}.png", seed=seed)
    words = ("optimize", samples / "shapes.keras", "in", "--goal", "fgsm:eps=1/255;2/255")
    quick = ("--picture", "none", "--batch-size", "1")
    assert call(*words, *quick, "-o", "whole").code == 0
    for shard in ("0/2", "1/2"):
        assert call(*words, *quick, "-o", "joined", "--shard", shard).code == 0
    assert "robustness.csv" not in files(tmp_path / "joined")
    assert call("merge", "joined").code == 0
    assert call(*words, *quick, "-o", "joined").code == 0
    whole = {n: (tmp_path / "whole" / n).read_bytes() for n in files(tmp_path / "whole")}
    joined = {n: (tmp_path / "joined" / n).read_bytes() for n in files(tmp_path / "joined")}
    assert joined == whole


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["--goal", "pgdd"], "did you mean 'pgd'"),
        (["--goal", "pgd:eps=8"], "8/255"),
        (["--goal", "pgd:epsilon=1"], "eps"),
        (["--goal", "pgd", "--goal", "pgd"], "as=LABEL"),
        (["--goal", "pgd:as=a/b"], "file name"),
        (["--goal", "pgd", "--fail-under", "robust=1"], "robust-accuracy"),
        (["--goal", "pgd", "--fail-over", "success-rate=1", "--shard", "0/2"], "merge"),
        (["--goal", "pgd", "-t", "class:9"], "class"),
        (["--goal", "pgd", "-t", "all"], "one target at a time"),
        (["--goal", "pgd", "--where", "none.png"], "none.png"),
        ([], "--goal"),
    ],
)
def test_a_mistake_is_2_with_advice_before_tensorflow(call, cross, words, advice, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorflow", None)
    result = call(*cross, *words)
    assert result.code == 2
    assert advice in result.err
    assert "Traceback" not in result.err


def test_an_attack_on_arrays_needs_a_radius(call, samples):
    words = ("optimize", samples / "sequential.keras", samples / "inputs/sequential.csv")
    result = call(*words, "--goal", "pgd")
    assert result.code == 2
    assert "eps=0.1" in result.err


def test_an_input_that_cannot_move_is_2(call, samples):
    words = ("optimize", samples / "reviews.keras", samples / "inputs/review.txt")
    result = call(*words, "--goal", "pgd:eps=1")
    assert result.code == 2
    assert "moved" in result.err


def test_an_attack_needs_an_input(call, samples):
    result = call("optimize", samples / "shapes.keras", "--goal", "pgd")
    assert result.code == 2
    assert "none is given" in result.err


def test_goals_are_listed_with_parameters_paper_and_cost(call):
    result = call("optimize", "--goals")
    assert result.code == 0
    for cls in goals:
        assert f"{cls.name} ({cls.family}, {cls.paper})" in result.out
        assert cls.cost in result.out
    (record,) = stream(call("optimize", "--goals", "--json"))
    assert {goal["name"] for goal in record["goals"]} == set(goals.list_names())
    (pgd,) = (goal for goal in record["goals"] if goal["name"] == "pgd")
    assert {"eps", "norm", "steps", "restarts"} <= {p["name"] for p in pgd["parameters"]}


def test_options_come_from_the_table_of_the_command(call, cross, tmp_path, monkeypatch):
    (tmp_path / "c.toml").write_text(
        '[saliency]\nmethod = "smoothgrad"\n\n[optimize]\ngoal = "fgsm:eps=1/255"\nseed = 3\n'
    )
    monkeypatch.setenv("INPUTGRAD_OPTIMIZE_PICTURE", "none")
    assert call(*cross, "--config", "c.toml").code == 0
    options = json.loads((tmp_path / "inputgrad-out/run.json").read_text())["options"]
    assert options["goal"] == {"value": ["fgsm:eps=1/255"], "source": "config"}
    assert options["picture"] == {"value": "none", "source": "environment"}
    assert options["seed"] == {"value": 3, "source": "config"}


def test_the_command_is_listed(call):
    assert "optimize" in COMMANDS
    assert "optimize" in call("--help").out


@pytest.mark.slow
def test_a_signal_ends_a_search_between_two_steps_and_keeps_nothing_of_it(samples, tmp_path):
    """A search of many minutes ends within the grace period, and with a summary."""
    shutil.copy(samples / "inputs/shapes" / SHAPES[0], tmp_path / "a.png")
    words = [sys.executable, "-m", "inputgrad_cli", "optimize", samples / "shapes.keras", "a.png"]
    words += ["--goal", "maximize:steps=1000000", "-t", "class:star", "--json", "-o", "out"]
    with started() as popen:
        call = popen(words, cwd=tmp_path)
        time.sleep(12)  # TensorFlow has started by then, or else the signal meets an earlier stage
        began = time.monotonic()
        call.terminate()
        out, _ = call.communicate(timeout=60)
    assert time.monotonic() - began < GRACE_SECONDS
    assert call.returncode == -signal.SIGTERM
    kinds = [json.loads(line)["type"] for line in out.splitlines()]
    assert kinds == ["start", "summary"]
    assert not list((tmp_path / "out").glob("*.npz"))

"""The journal, and calling again."""

import json
import shutil

import numpy as np
import pytest

from tests.cli import arrays, draw, files, items, journal


@pytest.fixture
def out(tmp_path):
    return tmp_path / "inputgrad-out"


@pytest.fixture
def words(samples, tmp_path):
    for seed, name in enumerate(("a.png", "b.png")):
        draw(tmp_path / "in" / name, seed=seed)
    return "saliency", samples / "shapes.keras", "in"


def states(result):
    return {item["input"]: item["status"] for item in items(result)}


def test_a_second_call_skips_and_touches_nothing(call, words, out):
    call(*words)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.*g*")}
    lines = len(journal(out))
    result = call(*words, "--json")
    assert states(result) == {"a.png": "skipped", "b.png": "skipped"}
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(journal(out)) == lines


def test_a_new_input_is_computed_alone(call, words, tmp_path):
    call(*words)
    draw(tmp_path / "in/c.png", seed=5)
    statuses = states(call(*words, "--json"))
    assert statuses == {"a.png": "skipped", "b.png": "skipped", "c.png": "ok"}


def test_a_changed_input_is_computed_again_and_said(call, words, tmp_path, out):
    call(*words)
    old = (out / "a.png.gradient.npz").read_bytes()
    draw(tmp_path / "in/a.png", seed=9)
    result = call(*words)
    assert (out / "a.png.gradient.npz").read_bytes() != old
    assert result.code == 0
    assert "again" in result.err or "changed" in result.err


def test_a_touched_input_of_the_same_content_is_skipped(call, words, tmp_path):
    call(*words)
    content = (tmp_path / "in/a.png").read_bytes()
    (tmp_path / "in/a.png").unlink()
    (tmp_path / "in/a.png").write_bytes(content)
    assert states(call(*words, "--json"))["a.png"] == "skipped"


@pytest.mark.parametrize(
    "option",
    [
        ["--seed", "3"],
        ["--space", "probability"],
        ["--preprocess", "unit"],
        ["--baseline", "white"],
        ["-t", "class:2"],
        ["-m", "smoothgrad:samples=3"],
        ["--resize", "pad"],
        ["--interp", "nearest"],
    ],
)
def test_a_changed_option_is_computed_again(call, words, tmp_path, option):
    draw(tmp_path / "in/a.png", size=(90, 70))
    draw(tmp_path / "in/b.png", size=(90, 70), seed=1)
    method = [] if option[0] == "-m" else ["-m", "smoothgrad:samples=2"]
    call(*words, "-m", "smoothgrad:samples=2")
    statuses = states(call(*words, *method, *option, "--json"))
    assert set(statuses.values()) == {"ok"}


def test_another_batch_size_or_order_is_no_change(call, words):
    call(*words, "--batch-size", "1")
    statuses = states(call(*words, "in/b.png", "in/a.png", "--batch-size", "2", "--json"))
    assert set(statuses.values()) == {"skipped"}


def test_another_method_joins_the_run(call, words, out):
    call(*words)
    call(*words, "-m", "input-x-gradient")
    methods = [line["method"] for line in journal(out)]
    assert sorted(methods) == ["gradient"] * 2 + ["input-x-gradient"] * 2
    assert len(files(out)) == 8


def test_another_model_in_the_same_directory_is_2(call, words, samples, out):
    call(*words)
    before = files(out)
    other = ("saliency", samples / "sequential.keras", samples / "inputs/sequential.npy")
    result = call(*other)
    assert result.code == 2
    assert "--on-exists overwrite" in result.err
    assert files(out) == before
    assert call(*other, "--on-exists", "overwrite").code == 0


def test_the_same_model_elsewhere_is_the_same_model(call, words, tmp_path):
    call(*words)
    shutil.copy(words[1], tmp_path / "copy.keras")
    shutil.copy(words[1].with_name("shapes.labels.txt"), tmp_path / "copy.labels.txt")
    statuses = states(call("saliency", "copy.keras", "in", "--json"))
    assert set(statuses.values()) == {"skipped"}


@pytest.mark.parametrize("suffix", ["npz", "png"])
def test_a_foreign_file_fails_its_item_alone_and_stays(call, words, out, suffix):
    out.mkdir()
    (out / f"a.png.gradient.{suffix}").write_text("mine")
    result = call(*words, "--json")
    assert result.code == 3
    assert states(result) == {"a.png": "failed", "b.png": "ok"}
    (failed,) = [item for item in items(result) if item["status"] == "failed"]
    assert failed["error"]["kind"] == "exists"
    assert (out / f"a.png.gradient.{suffix}").read_text() == "mine"
    assert call(*words, "--on-exists", "overwrite").code == 0
    assert (out / f"a.png.gradient.{suffix}").read_bytes() != b"mine"


def test_overwrite_computes_all_again(call, words):
    call(*words)
    assert set(states(call(*words, "--on-exists", "overwrite", "--json")).values()) == {"ok"}


def test_error_refuses_before_work(call, words, tmp_path, out):
    assert call(*words, "--on-exists", "error").code == 0
    draw(tmp_path / "in/c.png", seed=5)
    result = call(*words, "--on-exists", "error")
    assert result.code == 2
    assert "--on-exists" in result.err
    assert not (out / "c.png.gradient.npz").exists()


def test_a_lost_result_is_made_again(call, words, out):
    call(*words)
    (out / "a.png.gradient.npz").unlink()
    assert states(call(*words, "--json")) == {"a.png": "ok", "b.png": "skipped"}
    assert arrays(out / "a.png.gradient.npz")["picture"].shape == (64, 64, 3)


def test_a_failed_item_is_tried_again(call, words, tmp_path):
    (tmp_path / "in/c.png").write_text("no picture")
    assert call(*words).code == 3
    draw(tmp_path / "in/c.png", seed=5)
    statuses = states(call(*words, "--json"))
    assert statuses == {"a.png": "skipped", "b.png": "skipped", "c.png": "ok"}


def test_a_journal_cut_in_a_line_spoils_no_other_item(call, words, out):
    call(*words)
    text = (out / "journal.jsonl").read_text()
    (out / "journal.jsonl").write_text(text[:-40])
    result = call(*words, "--json")
    assert "Traceback" not in result.err
    assert "skipped" in states(result).values()
    assert call(*words, "--on-exists", "overwrite").code == 0
    assert set(states(call(*words, "--json")).values()) == {"skipped"}


def test_a_broken_run_record_is_no_traceback(call, words, out):
    call(*words)
    (out / "run.json").write_text("{")
    result = call(*words)
    assert "Traceback" not in result.err
    assert result.code in (0, 2)


def test_the_journal_has_a_line_a_file_with_relative_paths(call, words, out, tmp_path):
    call(*words, "-t", "top:2")
    lines = journal(out)
    assert len(lines) == 4
    for line in lines:
        assert line["fingerprint"]
        for file in line["files"]:
            assert (out / file["path"]).stat().st_size == file["size"]
    assert str(tmp_path) not in json.dumps(lines)


def test_the_run_record_tells_each_option_and_its_source(call, words, out, monkeypatch):
    monkeypatch.setenv("INPUTGRAD_SALIENCY_SEED", "5")
    call(*words, "--space", "logit")
    run = json.loads((out / "run.json").read_text())
    assert run["schema"] == 1
    assert run["options"]["space"] == {"value": "logit", "source": "commandline"}
    assert run["options"]["seed"]["value"] == 5
    assert run["options"]["seed"]["source"] == "environment"
    assert run["options"]["clip"]["source"] == "default"
    assert len(run["model"]["sha256"]) == 64
    assert run["model"]["size"] == words[1].stat().st_size
    assert {"versions", "platform", "signature", "mode", "batch_size"} <= set(run)


def test_the_run_record_holds_the_words_of_the_call(call, words, out):
    call(*words, "--space", "logit")
    run = json.loads((out / "run.json").read_text())
    assert run["argv"] == [*map(str, words), "--space", "logit"]


def test_pictures_of_samples_that_are_gone_do_not_stay(call, words, tmp_path, out):
    for count in (11, 3):
        np.save(tmp_path / "m.npy", np.full((count, 64, 64, 3), 90, "float32"))
        assert call(*words[:2], "m.npy").code == 0
    assert files(out) == {"m.npy.gradient.npz", *(f"m.npy.gradient.{n}.png" for n in range(3))}


def test_nothing_temporary_is_left(call, words, out):
    call(*words)
    left = {path.name for path in out.rglob("*")}
    left -= {f"{name}.gradient.{kind}" for name in ("a.png", "b.png") for kind in ("npz", "png")}
    assert left <= {"run.json", "journal.jsonl", ".lock"}


def test_mode_and_batch_size_are_kept_on_resume(call, samples, tmp_path, out):
    np.save(tmp_path / "x.npy", np.load(samples / "inputs/sequential.npy"))
    call("saliency", samples / "sequential.keras", "x.npy")
    before = json.loads((out / "run.json").read_text())
    np.save(tmp_path / "y.npy", np.zeros((300, 10), "float32"))
    call("saliency", samples / "sequential.keras", "x.npy", "y.npy")
    after = json.loads((out / "run.json").read_text())
    assert [after[key] for key in ("mode", "batch_size")] == [
        before[key] for key in ("mode", "batch_size")
    ]


def test_other_labels_are_another_question(call, samples, tmp_path):
    names = (samples / "shapes.labels.txt").read_text().split()
    words = ("saliency", samples / "shapes.keras", samples / "inputs" / "shapes" / "00-cross.png")
    for order in (names, names[::-1]):
        (tmp_path / "labels.txt").write_text("\n".join(order))
        result = call(*words, "--labels", "labels.txt", "-t", "class:star", "--json")
        (item,) = items(result)
        assert item["status"] == "ok"
        assert item["target"]["index"] == [order.index("star")]


def test_edited_code_is_another_question(call, samples, tmp_path):
    code = (samples / "custom_layer.py").read_text()
    words = (samples / "custom_layer.keras", samples / "inputs" / "custom_layer.npy")
    for index in range(2):
        (tmp_path / "own.py").write_text(code + f"\nEDITED = {index}\n")
        result = call("saliency", *words, "--code", "own.py", "--json")
        assert {item["status"] for item in items(result)} == {"ok"}


def test_a_check_that_failed_fails_again_though_all_is_done(call, samples):
    words = ("saliency", samples / "shapes.keras", samples / "inputs" / "shapes" / "07-square.png")
    strict = ("-m", "integrated-gradients:steps=8", "--tolerance", "0.05", "--strict")
    assert call(*words, *strict).code == 1
    again = call(*words, *strict)
    assert again.code == 1
    assert not again.out


def test_a_failed_row_is_no_changed_input(call, samples, tmp_path):
    rows = (samples / "inputs" / "sequential.csv").read_text().splitlines()
    (tmp_path / "t.csv").write_text("\n".join([*rows, ",".join(["x"] * 10)]))
    words = ("saliency", samples / "sequential.keras", "t.csv")
    assert call(*words).code == 3
    again = call(*words)
    assert again.code == 3
    assert "other options" not in again.err


def test_another_target_for_a_sample_in_a_file_is_noticed(call, samples, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(2, 6)).astype("f4"))
    table = tmp_path / "t.csv"
    words = ("saliency", samples / "two_heads.keras", "x.npy", "-t", "file:t.csv", "--json")
    for first, second, status in ((1, 2, "ok"), (1, 2, "skipped"), (0, 2, "ok")):
        rows = ["input,target", f"x.npy#0,kind/class:{first}", f"x.npy#1,kind/class:{second}"]
        table.write_text("\n".join(rows) + "\n")
        done = call(*words)
        assert done.code == 0, done.err
        assert {item["status"] for item in items(done)} == {status}

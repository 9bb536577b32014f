"""Exit codes, and one clear sentence for each mistake."""

import fcntl
import os

import numpy as np
import pytest

from . import draw, files


def sentence(result):
    """Return the message of a mistake: on stderr, never a traceback."""
    assert "Traceback" not in result.err
    assert result.err.strip()
    return result.err


@pytest.fixture
def table(samples):
    return samples / "sequential.keras", samples / "inputs/sequential.npy"


def test_a_run_that_works_is_0_and_quiet(call, table):
    result = call("saliency", *table)
    assert result.code == 0
    assert result.err == ""


def test_all_done_before_is_0(call, table):
    assert call("saliency", *table).code == 0
    assert call("saliency", *table).code == 0


def test_a_check_that_fails_is_1_only_under_strict(call, samples):
    words = ("saliency", samples / "shapes.keras", samples / "inputs/shapes/00-cross.png")
    method = ("-m", "integrated-gradients:steps=10")
    assert call(*words, *method, "-o", "a").code == 0
    assert call(*words, *method, "-o", "b", "--strict").code == 1


def test_a_wider_tolerance_mends_the_check(call, samples):
    words = ("saliency", samples / "shapes.keras", samples / "inputs/shapes/00-cross.png")
    method = ("-m", "integrated-gradients:steps=2", "--strict", "--tolerance", "5")
    assert call(*words, *method).code == 0


def test_a_failed_item_outweighs_a_failed_check(call, samples, tmp_path):
    good = samples / "inputs/shapes/00-cross.png"
    (tmp_path / "bad.png").write_text("no picture")
    method = ("-m", "integrated-gradients:steps=2", "--strict")
    assert call("saliency", samples / "shapes.keras", good, "bad.png", *method).code == 3


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["-m", "gradeint"], "gradient"),
        (["-m", "gradient:steps=3"], "gradient"),
        (["-m", "integrated-gradients:steps=0"], "steps"),
        (["-m", "integrated-gradients:steps=-5"], "steps"),
        (["-m", "integrated-gradients:rule=simpson"], "midpoint"),
        (["-m", "smoothgrad:samples=no"], "samples"),
        (["-m", "smoothgrad:noise=-1"], "noise"),
        (["-m", "smoothgrad:of=nothing"], "nothing"),
        (["-m", "gradient", "-m", "gradient"], "as="),
        (["-m", "gradient:as=a", "-m", "smoothgrad:as=a"], "as="),
        (["-t", "class:7"], "7"),
        (["-t", "unit:1,2"], "unit"),
        (["-t", "unit:1"], "unit"),
        (["-t", "top:9"], "top"),
        (["-t", "margin:0"], "margin"),
        (["-t", "margin:0,5"], "5"),
        (["-t", "nothing"], "auto"),
        (["-t", ""], "target"),
        (["-t", "loss:nothing"], "nothing"),
        (["-t", "loss:mse"], "--truth"),
        (["-t", "other/sum"], "other"),
        (["--wrt", "other"], "features"),
        (["--baseline", "other"], "zeros"),
        (["--baseline", "constant:value=x"], "value"),
        (["--device", "gpu:7"], "gpu"),
        (["--preprocess", "other"], "raw"),
        (["--code", "nowhere.py"], "nowhere.py"),
        (["--labels", "nowhere.txt"], "nowhere.txt"),
        (["--cmap", "nocolour"], "nocolour"),
        (["--batch-size", "none"], "auto"),
        (["--batch-size", "\u00b2"], "auto"),
        (["--batch-size", "65537"], "65536"),
        (["--device", "gpu:\u00b2"], "gpu:N"),
        (["--frame", "9" * 5000], "all"),
        (["--shard", "0/\u0664"], "I/N"),
        (["-t", "layer:pool#\u00b2/unit:0"], "no such layer"),
        (["--space", "other"], "logit"),
        (["--on-exists", "other"], "resume"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
def test_a_mistaken_word_is_2_and_named(call, table, tmp_path, words, hint):
    result = call("saliency", *table, *words)
    assert result.code == 2
    assert hint in sentence(result)
    assert result.out == ""
    assert files(tmp_path / "inputgrad-out") == set()


def test_a_missing_input_is_2(call, table):
    result = call("saliency", table[0], "nowhere.npy")
    assert result.code == 2
    assert "nowhere.npy" in sentence(result)


def test_one_missing_input_among_others_stops_the_call(call, table, tmp_path):
    assert call("saliency", *table, "nowhere.npy").code == 2
    assert not (tmp_path / "inputgrad-out").exists()


def test_a_missing_list_is_2(call, table):
    result = call("saliency", table[0], "--from-file", "nowhere.txt")
    assert result.code == 2
    assert "nowhere.txt" in sentence(result)


def test_no_input_at_all_is_2(call, table):
    assert call("saliency", table[0]).code == 2


def test_a_missing_model_is_4(call, table):
    result = call("saliency", "nowhere.keras", table[1])
    assert result.code == 4
    assert "nowhere.keras" in sentence(result)


def test_a_broken_model_is_4(call, table, tmp_path):
    (tmp_path / "half.keras").write_bytes(table[0].read_bytes()[:900])
    (tmp_path / "text.keras").write_text("hello")
    (tmp_path / "empty.keras").write_bytes(b"")
    (tmp_path / "dir.keras").mkdir()
    for name in ("half", "text", "empty", "dir"):
        result = call("saliency", f"{name}.keras", table[1])
        assert result.code == 4, name
        assert f"{name}.keras" in sentence(result)


def test_model_and_input_swapped_is_4_and_says_so(call, table):
    result = call("saliency", table[1], table[0])
    assert result.code == 4
    assert "sequential.npy" in sentence(result)


def test_nothing_that_matches_is_5(call, table, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "list").write_text("")
    assert call("saliency", table[0], "empty").code == 5
    assert call("saliency", table[0], "--from-file", "list").code == 5
    result = call("saliency", table[0], table[1].parent, "--include", "*.nothing")
    assert result.code == 5
    assert "Traceback" not in result.err


def test_a_place_that_takes_no_files_is_74(call, table, tmp_path):
    (tmp_path / "file").write_text("in the way")
    result = call("saliency", *table, "-o", "file/out")
    assert result.code == 74
    assert "file/out" in sentence(result)
    assert "--out" in result.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_forbidden_place_is_74(call, table, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    assert call("saliency", *table, "-o", "closed/out").code == 74


def test_a_held_lock_is_75(call, table, tmp_path):
    out = tmp_path / "inputgrad-out"
    out.mkdir()
    with (out / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = call("saliency", *table)
        assert result.code == 75
        assert "inputgrad-out" in sentence(result)
    assert call("saliency", *table).code == 0


def test_dry_run_works_beside_a_held_lock_and_writes_nothing(call, table, tmp_path):
    result = call("saliency", *table, "-n")
    assert result.code == 0
    assert "sequential.npy.gradient.npz" in result.out
    assert not (tmp_path / "inputgrad-out").exists()


def test_dry_run_tells_the_bytes_and_every_file(call, samples, tmp_path):
    result = call("saliency", samples / "sequential.keras", samples / "inputs/sequential.csv", "-n")
    assert "byte" in result.out.lower() or "kib" in result.out.lower() or " B" in result.out
    draw(tmp_path / "a.png")
    shown = call("saliency", samples / "shapes.keras", "a.png", "-n").out
    assert "a.png.gradient.npz" in shown
    assert "a.png.gradient.png" in shown


def test_dry_run_finds_a_missing_input_too(call, table):
    assert call("saliency", table[0], "nowhere.npy", "-n").code == 2


def test_an_item_of_a_wrong_shape_is_3_and_names_both_shapes(call, table, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 3), "float32"))
    result = call("saliency", table[0], "x.npy")
    assert result.code == 3
    assert "(2, 3)" in sentence(result)
    assert "10" in result.err

"""What a call says of a cluster is checked before Dask or TensorFlow is imported."""

import sys

import pytest


@pytest.fixture
def words(samples):
    return ("saliency", samples / "shapes.keras", samples / "inputs/shapes/06-cross.png")


def test_without_the_extra_one_sentence_names_it(call, words, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = call(*words, "--engine", "dask")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "pip install 'inputgrad-cli[dask]'" in done.err


@pytest.mark.parametrize("option", ["--scheduler", "--scheduler-file"])
def test_a_scheduler_without_the_engine_is_a_usage_error(call, words, option):
    done = call(*words, option, "x")
    assert done.code == 2
    assert "--engine dask" in done.err


def test_two_schedulers_are_a_usage_error(call, words):
    done = call(*words, "--engine", "dask", "--scheduler", "tcp://a:1", "--scheduler-file", "x")
    assert done.code == 2
    assert "not both" in done.err


def test_a_missing_scheduler_file_is_named_with_how_to_make_it(call, words):
    done = call(*words, "--engine", "dask", "--scheduler-file", "none.json")
    assert done.code == 2
    assert "none.json" in done.err
    assert "dask scheduler" in done.err


def test_the_engine_can_come_from_the_environment_and_from_a_file(
    call, words, tmp_path, monkeypatch
):
    monkeypatch.setenv("INPUTGRAD_SALIENCY_SCHEDULER_FILE", "none.json")
    (tmp_path / "c.toml").write_text("[saliency]\nengine = 'dask'\n")
    done = call(*words, "--config", "c.toml")
    assert done.code == 2
    assert "none.json" in done.err


def test_optimize_has_the_same_options(call, words):
    done = call("optimize", *words[1:], "--goal", "fgsm", "--scheduler", "tcp://a:1")
    assert done.code == 2
    assert "--engine dask" in done.err


def test_neither_dask_nor_tensorflow_is_imported_for_that(spawn, words):
    code = (
        "import sys; from inputgrad_cli.cli.main import run; "
        f"run({[*map(str, words), '--engine', 'dask', '--scheduler-file', 'none.json']!r}); "
        "print({'distributed', 'dask', 'tensorflow'} & set(sys.modules))"
    )
    import subprocess

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

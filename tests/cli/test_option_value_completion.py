"""What the tab key offers, and at what cost."""

import os
import shutil
import subprocess
import sys

import pytest

from inputgrad_cli.data.baselines import baselines
from inputgrad_cli.data.target_parser import HELP
from inputgrad_cli.methods import methods
from inputgrad_cli.option_choices import COMMANDS, TARGETS
from tests.terminal import Terminal

CALL = """
import atexit, sys
heavy = ("tensorflow", "keras", "numpy", "PIL", "matplotlib")
atexit.register(lambda: print(*(n for n in heavy if n in sys.modules), file=sys.stderr))
sys.argv = ["inputgrad"]
from inputgrad_cli.cli.main import main
main()
"""


@pytest.fixture
def complete(tmp_path):
    """Return what the shell is offered after these words; the last one is not complete."""

    def complete(*words, shell="bash"):
        env = {
            **os.environ,
            "_INPUTGRAD_COMPLETE": f"{shell}_complete",
            "COMP_WORDS": " ".join(["inputgrad", *words]),
            "COMP_CWORD": words[-1] if shell == "fish" else str(len(words)),
        }
        done = subprocess.run(
            [sys.executable, "-c", CALL],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr.strip() == ""
        if shell == "zsh":
            return set(done.stdout.split("\n")[1::3])
        return {line.split(",", 1)[-1].split("\t")[0] for line in done.stdout.splitlines()}

    return complete


def test_goals_and_their_parameters_are_offered(complete):
    assert complete("optimize", "m.keras", "a.png", "--goal", "pg") == {"pgd"}
    offered = complete("optimize", "m.keras", "a.png", "--goal", "pgd:")
    assert {"pgd:eps=", "pgd:norm=", "pgd:steps=", "pgd:as="} <= offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_methods_are_offered_in_every_shell(complete, shell):
    completions = complete("saliency", "m.keras", "a.png", "-m", "smooth", shell=shell)
    assert {"smoothgrad", "smoothgrad-squared"} <= completions
    assert all(word.startswith("smooth") for word in completions)


def test_commands_options_and_closed_words_are_offered(complete):
    assert complete("ver") <= set(COMMANDS)
    assert complete("sal") == {"saliency"}
    assert {"--config", "--code"} <= complete("saliency", "--co")
    assert complete("saliency", "m.keras", "--space", "l") == {"logit"}
    assert complete("methods", "vargr") == {"vargrad"}


def test_names_are_those_of_the_registries(complete):
    assert complete("methods", "") == set(methods.list_names())
    assert complete("saliency", "--baseline", "") == set(baselines.list_names())


def test_the_fixed_words_of_targets_are_offered(complete):
    assert complete("saliency", "-t", "ma") == {"max", "margin:", "mask:"}
    words = HELP.replace(",", " ").replace("/", " ").split()
    assert all(any(word.startswith(known.rstrip(":")) for word in words) for known in TARGETS)


@pytest.mark.parametrize(
    "words",
    [("saliency", ""), ("saliency", "m.keras", "a"), ("saliency", "--labels", ""), ("inspect", "")],
)
def test_files_are_left_to_the_shell(complete, words):
    env_words = complete(*words, shell="bash")
    assert env_words <= {words[-1]}


def test_directories_are_left_to_the_shell(complete):
    assert complete("render", "") == {""}


def test_a_config_file_that_is_broken_stops_no_completion(complete, tmp_path):
    (tmp_path / "c.toml").write_text("[")
    completions = complete("saliency", "--config", "c.toml", "--space", "l")
    assert completions == {"logit"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_printed_as_help_says(shell):
    env = {**os.environ, "_INPUTGRAD_COMPLETE": f"{shell}_source"}
    done = subprocess.run(
        [sys.executable, "-c", CALL], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "_INPUTGRAD_COMPLETE" in done.stdout
    assert done.stderr.strip() == ""


def test_help_says_how_it_is_switched_on(call):
    text = call("--help").out
    for word in ("bash_source", "zsh_source", "fish_source"):
        assert f"_INPUTGRAD_COMPLETE={word}" in text or word in text


@pytest.fixture
def shapes(samples, tmp_path):
    """Return the sample model, with class names of which two have a space."""
    (tmp_path / "m.keras").write_bytes((samples / "shapes.keras").read_bytes())
    (tmp_path / "m.labels.txt").write_text("circle\ncross roads\nsquare\nstar\ncross bow\n")
    return "m.keras"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_classes_layers_and_parameters_are_offered_by_name(complete, shapes, shell):
    def asked(*words):
        return complete("saliency", shapes, *words, shell=shell)

    assert asked("-t", "class:c") == {"class:circle", "class:cross roads", "class:cross bow"} or (
        shell == "zsh"  # which is given the words as they are typed
    )
    assert asked("-t", "class:s") == {"class:square", "class:star"}
    assert asked("-t", "margin:star,sq") == {"margin:star,square"}
    assert "layer:relu6/" in asked("-t", "layer:re")
    assert "layer:relu6" in asked("--wrt", "layer:re")
    assert "picture" in asked("--wrt", "")
    assert asked("-m", "smoothgrad:n") == {"smoothgrad:noise="}
    assert asked("-m", "smoothgrad:noise=0.1,sa") == {"smoothgrad:noise=0.1,samples="}
    assert "grad-cam:layer=relu6" in asked("-m", "grad-cam:layer=re")
    assert "smoothgrad:of=gradient" in asked("-m", "smoothgrad:of=gra")


def test_parameters_are_those_of_the_registry():
    from inputgrad_cli.cli import completion_name_lookup
    from inputgrad_cli.optimization.goals import goals
    from inputgrad_cli.registry import list_parameters

    folders = {
        methods: completion_name_lookup.METHODS_FOLDER,
        goals: completion_name_lookup.GOALS_FOLDER,
    }
    for registry, folder in folders.items():
        for cls in registry:
            own = {field.name for field in list_parameters(cls)}
            names = completion_name_lookup.list_parameter_names(cls.name, folder)
            assert set(names) == own | {"as"}, cls.name


def test_a_broken_model_offers_nothing_and_says_nothing(complete, tmp_path):
    (tmp_path / "m.keras").write_text("no model")
    for word in ("class:", "layer:", "unit:", "loss:"):
        assert complete("saliency", "m.keras", "-t", word, shell="fish") <= {""}
    assert complete("saliency", "-t", "layer:", shell="fish") <= {""}


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("-t class:ci\t", "-t class:circle "),
        ("-t cla\t", "-t class:"),
        ("-t class:\t\t", None),
        ("-t 'class:st\t", None),
        ("-t class:cross\\ b\t", "-t class:cross\\ bow "),
        ("-m smoothgrad:no\t", "-m smoothgrad:noise="),
        ("-m smoothgrad:noise=0.1,sam\t", "-m smoothgrad:noise=0.1,samples="),
        ("-m grad-cam:layer=relu6\t", "-m grad-cam:layer=relu6 "),
        ("--wrt layer:relu6\t", "--wrt layer:relu6 "),
    ],
)
def test_a_real_bash_completes_behind_a_colon(shapes, tmp_path, typed, line):
    (tmp_path / "a file").write_text("")
    tool = tmp_path / "inputgrad"
    tool.write_text(f"#!/bin/sh\nexec '{sys.executable}' -m inputgrad_cli \"$@\"\n")
    tool.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    env = {"PS1": "> ", "PATH": path, "TERM": "dumb", "INPUTRC": "/dev/null"}
    bash = Terminal(["bash", "--norc", "--noprofile", "-i"], columns=200, env=env, cwd=tmp_path)
    try:
        bash.type('eval "$(_INPUTGRAD_COMPLETE=bash_source inputgrad)"; echo rea""dy\n')
        bash.until(lambda t: b"\nready" in t.raw)
        words = f"inputgrad saliency {shapes} "
        bash.type(words + typed)
        if line is None:
            bash.until(lambda t: b"star" in t.raw)
            assert "a file" not in " ".join(bash.lines)
        else:
            end = (words + line).encode().replace(b" ", b" ")
            bash.until(lambda t: end in t.raw.replace(b"\a", b""), seconds=20)
    finally:
        bash.close()


def test_a_shell_that_is_unknown_is_no_success(spawn):
    assert spawn(env={"_INPUTGRAD_COMPLETE": "nosuch_source"}).code == 1

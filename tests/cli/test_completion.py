"""What the tab key offers, and at what cost."""

import os
import subprocess
import sys

import pytest

from inputgrad_cli.baseline import baselines
from inputgrad_cli.methods import methods
from inputgrad_cli.target_text import HELP
from inputgrad_cli.words import COMMANDS, TARGETS

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


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_methods_are_offered_in_every_shell(complete, shell):
    found = complete("saliency", "m.keras", "a.png", "-m", "smooth", shell=shell)
    assert {"smoothgrad", "smoothgrad-squared"} <= found
    assert all(word.startswith("smooth") for word in found)


def test_commands_options_and_closed_words_are_offered(complete):
    assert complete("ver") <= set(COMMANDS)
    assert complete("sal") == {"saliency"}
    assert {"--config", "--code"} <= complete("saliency", "--co")
    assert complete("saliency", "m.keras", "--space", "l") == {"logit"}
    assert complete("methods", "vargr") == {"vargrad"}


def test_names_are_those_of_the_registries(complete):
    assert complete("methods", "") == set(methods.names())
    assert complete("saliency", "--baseline", "") == set(baselines.names())


def test_the_fixed_words_of_targets_are_offered(complete):
    assert complete("saliency", "-t", "ma") == {"max", "margin:", "mask:"}
    told = HELP.replace(",", " ").replace("/", " ").split()
    assert all(any(word.startswith(known.rstrip(":")) for word in told) for known in TARGETS)


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
    found = complete("saliency", "--config", "c.toml", "--space", "l")
    assert found == {"logit"}


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

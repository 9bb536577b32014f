"""The Python interface answers a mistake in a sentence, and most of them at once."""

import subprocess
import sys

import numpy as np
import pytest

import inputgrad_cli
from inputgrad_cli import api
from inputgrad_cli.errors import UsageError

TEXTS = ("space", "wrt", "baseline", "preprocess", "precision")
LISTS = ("method", "target")  # of which there may be several


class Live:
    """Stands for a model of another library."""


def refusal(model, **asked):
    with pytest.raises(UsageError) as caught:
        api.explain(model, np.zeros((1, 10), np.float32), **asked)
    return caught.value.format_line()


def test_the_public_names_are_listed_before_anything_is_imported():
    listed = "print(set(i.__all__) <= set(dir(i)), 'numpy' in sys.modules)"
    command = [sys.executable, "-c", f"import inputgrad_cli as i, sys; {listed}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
    assert set(inputgrad_cli.__all__) <= set(dir(inputgrad_cli))


@pytest.mark.parametrize("model", [Live(), None, 3, b"model.keras"])
def test_what_is_no_model_is_refused(model):
    assert "neither a path nor a Keras model" in refusal(model)
    assert "model.save(" in refusal(model)
    with pytest.raises(UsageError, match=r"model\.save"):
        api.load(model)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("value", [["gradient", "smoothgrad"], ("auto",), 3, {"a": 1}, b"x"])
def test_an_argument_of_another_kind_is_named(samples, name, value):
    assert f"{name} is a {type(value).__name__}" in refusal(
        samples / "sequential.keras", **{name: value}
    )


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("value", [3, {"a": 1}, b"x", ["auto", 3]])
def test_what_is_neither_text_nor_a_list_of_texts_is_named(samples, name, value):
    kind = "int" if isinstance(value, list) else type(value).__name__
    assert f"{name} is a {kind}" in refusal(samples / "sequential.keras", **{name: value})


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ({"precision": "float64"}, "float32"),
        ({"precision": "Model"}, "did you mean 'model'?"),
        ({"space": "logits"}, "did you mean 'logit'?"),
        ({"method": "ig"}, "integrated-gradients"),
        ({"target": "cls:0"}, "class:0"),
    ],
)
def test_a_word_that_is_not_known_is_told_with_those_that_are(samples, asked, hint):
    sentence = refusal(samples / "sequential.keras", **asked)
    assert hint in sentence
    assert "load it once more" not in sentence

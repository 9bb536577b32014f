"""Errors travel between processes."""

import pickle

import pytest

from inputgrad_cli import errors
from inputgrad_cli.errors import GrammarError, InputgradError

CLASSES = [
    cls
    for cls in vars(errors).values()
    if isinstance(cls, type) and issubclass(cls, InputgradError) and cls is not GrammarError
]


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_is_unpickled_as_it_was(cls):
    error = cls("it failed", reason="a reason", hint="a hint", kind="odd", received="a word")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is cls
    assert (vars(copy), str(copy)) == (vars(error), str(error))


def test_an_error_in_an_expression_is_unpickled_with_its_word():
    error = GrammarError("no such word", "name:key=value", 5, 8, hint="a hint")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is GrammarError
    assert (vars(copy), str(copy)) == (vars(error), str(error))

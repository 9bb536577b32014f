"""The house rules on sizes: short functions, few files in a folder, few values without a type."""

import ast
from collections import Counter
from pathlib import Path

import pytest

import inputgrad_cli

ROOT = Path(inputgrad_cli.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
MAX_FUNCTION_LINES = 50  # without the docstring, which is the text of --help for some
MAX_ROOT_MODULES = 10
MAX_FOLDER_FILES = 26
MAX_UNTYPED = 20  # values of type dict[str, Any], most of them given by Keras


def count_lines(function):
    """Return the lines of a function with its head, and without its docstring."""
    text = function.body[0] if ast.get_docstring(function) is not None else None
    described = text.end_lineno - text.lineno + 1 if text else 0
    return function.end_lineno - function.lineno + 1 - described


def list_functions(source):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]


def test_functions_are_short():
    long = [
        f"{path.relative_to(ROOT)}:{function.lineno}: {function.name}, {count_lines(function)}"
        for path in FILES
        for function in list_functions(path.read_text())
        if count_lines(function) > MAX_FUNCTION_LINES
    ]
    assert long == []


@pytest.mark.parametrize(
    ("docstring", "lines"), [("", 3), ('    """One.\n\n    Two.\n    """\n', 3)]
)
def test_lines_are_counted_with_the_head_and_without_the_docstring(docstring, lines):
    (function,) = list_functions(f"def f(\n    x):\n{docstring}    return x\n")
    assert count_lines(function) == lines


def test_folders_have_few_files():
    modules = [path for path in FILES if not path.name.startswith("__")]
    counts = Counter(path.parent.relative_to(ROOT).as_posix() for path in modules)
    assert counts.pop(".") <= MAX_ROOT_MODULES
    assert max(counts.values()) <= MAX_FOLDER_FILES


def test_few_values_are_dictionaries_without_a_type():
    assert sum(path.read_text().count("dict[str, Any]") for path in FILES) < MAX_UNTYPED

"""The house rules on words: functions are verbs, and variables say what they hold."""

import ast
import re
from pathlib import Path

import pytest

import inputgrad_cli

ROOT = Path(inputgrad_cli.__file__).parent
TESTS = Path(__file__).parent
VERBS = set(Path(__file__).with_name("verbs.txt").read_text().split())
PREFIXES = {"to", "from", "is", "are", "has", "have", "can", "may", "must", "should", "was", "as"}
REFUSED = {"found", "told", "made", "number", "place", "one", "what", "how"}
VALUES = {"property", "cached_property", "setter"}  # read as values, without a call
EXCEPTIONS = {
    "main": "the entry point in pyproject.toml",
    "cli": "the name that Click's own documentation gives the group of all commands",
    "_repr_mimebundle_": "named by IPython",
    "shell_complete": "named by Click",
    "readable": "named by io.RawIOBase",
    "seekable": "named by io.RawIOBase",
    "readinto": "named by io.RawIOBase",
    "supports": "a question, as a condition reads it: `if picture.supports(layout)`",
}
FIELDS_ON_DISK = {  # by file: keys of records that every run directory has
    "schema/metadata_json.py": {"how"},
    "schema/run_json.py": {"number"},
    "data/shard.py": {"number"},
}


def modules():
    return sorted(ROOT.rglob("*.py"))


def functions(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("__"):
            marks = {ast.unparse(mark).split(".")[-1] for mark in node.decorator_list}
            if not marks & VALUES:
                yield node


def is_verb(name):
    return name.strip("_").split("_")[0] in VERBS | PREFIXES


def names_stored(tree):
    """Yield variables, parameters, fields and functions, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.FunctionDef):
            yield node.name, node.lineno


def allowed_on_disk(path):
    return FIELDS_ON_DISK.get(path.relative_to(ROOT).as_posix(), frozenset())


def refused_names(source, allowed=frozenset()):
    """Return the refused names of a module, each after its line."""
    return [
        f"{line}: {name}"
        for name, line in names_stored(ast.parse(source))
        if name.strip("_") in REFUSED - allowed
    ]


def test_functions_begin_with_a_verb():
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}"
        for path in modules()
        for node in functions(ast.parse(path.read_text()))
        if not is_verb(node.name) and node.name not in EXCEPTIONS
    ]
    assert wrong == []


def test_no_variable_has_a_refused_name():
    wrong = [
        f"{path.relative_to(ROOT)}:{name}"
        for path in modules()
        for name in refused_names(path.read_text(), allowed_on_disk(path))
    ]
    assert wrong == []


def test_no_variable_of_a_test_has_a_refused_name():
    wrong = [
        f"{path.relative_to(TESTS)}:{name}"
        for path in sorted(TESTS.rglob("*.py"))
        for name in refused_names(path.read_text())
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "source",
    [
        "place = 1",
        "def f(*, how): pass",
        "def told(): pass",
        "[number for number in ()]",
        "made: int",
    ],
)
def test_a_refused_name_is_reported_wherever_it_is_bound(source):
    assert refused_names(f"\n{source}") == [f"2: {re.search('|'.join(REFUSED), source)[0]}"]


def test_every_exception_is_needed():
    there = {node.name for path in modules() for node in functions(ast.parse(path.read_text()))}
    assert set(EXCEPTIONS) <= {name for name in there if not is_verb(name)}


def test_every_field_on_disk_is_needed():
    for name, fields in FIELDS_ON_DISK.items():
        stored = {name for name, _ in names_stored(ast.parse((ROOT / name).read_text()))}
        assert fields <= stored, name

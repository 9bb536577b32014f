"""The house rules on words: functions are verbs, and variables say what they hold."""

import ast
from pathlib import Path

import inputgrad_cli

ROOT = Path(inputgrad_cli.__file__).parent
VERBS = set(Path(__file__).with_name("verbs.txt").read_text().split())
PREFIXES = {"to", "from", "is", "are", "has", "have", "can", "may", "must", "should", "was", "as"}
REFUSED = {"found", "told", "made", "number", "place", "one", "what", "how"}
VALUES = {"property", "cached_property", "setter"}  # read as values, without a call
EXCEPTIONS = {
    "main": "the entry point in pyproject.toml",
    "cli": "the name that Click's own documentation gives the group of all commands",
    "readable": "named by io.RawIOBase",
    "seekable": "named by io.RawIOBase",
    "readinto": "named by io.RawIOBase",
    "supports": "a question, as a condition reads it: `if picture.supports(layout)`",
}
FIELDS_ON_DISK = {  # by file: keys of records that every run directory has
    "schema/metadata_json.py": {"how"},
    "schema/run_json.py": {"number"},
    "storage/shards.py": {"number"},
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
    """Yield variables, parameters and fields, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno


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
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in modules()
        for name, line in names_stored(ast.parse(path.read_text()))
        if name.strip("_") in REFUSED - FIELDS_ON_DISK.get(str(path.relative_to(ROOT)), set())
    ]
    assert wrong == []


def test_every_exception_is_needed():
    there = {node.name for path in modules() for node in functions(ast.parse(path.read_text()))}
    assert set(EXCEPTIONS) <= {name for name in there if not is_verb(name)}

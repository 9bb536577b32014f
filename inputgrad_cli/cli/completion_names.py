"""The names that a model file, a label file and the methods' sources hold; nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import inputgrad_cli
from inputgrad_cli.errors import InputgradError
from inputgrad_cli.modelfile.config_nodes import layers, name_of

METHODS = Path(inputgrad_cli.__file__).parent / "methods"
FAULTS = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


def classes_of(model: Path | None, labels: Path | None) -> list[str]:
    """Return the class names of a model; none where they cannot be read."""
    from inputgrad_cli.formats.labels import find_labels  # --help needs none

    try:
        return list(find_labels(model or Path(), labels))
    except (InputgradError, *FAULTS):
        return []


def layers_of(model: Path | None) -> list[str]:
    """Return the layers of a `.keras` file, `outer/inner` where nested, inputs left out."""
    return [name for name, kind in _nodes(model) if kind != "InputLayer"]


def inputs_of(model: Path | None) -> list[str]:
    """Return the input layers of a `.keras` file."""
    return [name for name, kind in _nodes(model) if kind == "InputLayer" and "/" not in name]


def _nodes(model: Path | None) -> list[tuple[str, str]]:
    if model is None or model.suffix != ".keras":
        return []
    from inputgrad_cli.modelfile.model_file import open_model  # --help needs none

    try:
        return list(_walk(open_model(model).config, ""))
    except (InputgradError, *FAULTS):
        return []


def _walk(config: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for node in layers(config):
        name = prefix + name_of(node)
        yield name, str(node.get("class_name"))
        yield from _walk(node, f"{name}/")


def parameters_of(method: str) -> list[str]:
    """Return the names of a method's parameters, those that its class inherits included."""
    named = (c for c in _classes().values() if _text(c, "name") == method)
    found = next(named, None)
    return [] if found is None else sorted({*_parameters(found), "as"})


@cache
def _classes() -> dict[str, ast.ClassDef]:
    trees = (ast.parse(path.read_text("utf-8")) for path in METHODS.rglob("*.py"))
    return {
        node.name: node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)
    }


def _parameters(made: ast.ClassDef) -> Iterator[str]:
    for base in made.bases:
        if isinstance(base, ast.Name) and base.id in _classes():
            yield from _parameters(_classes()[base.id])
    for line in made.body:
        if isinstance(line, ast.AnnAssign) and _is_parameter(line.value):
            yield ast.unparse(line.target)


def _is_parameter(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func) == "param"


def _text(made: ast.ClassDef, key: str) -> str | None:
    for line in made.body:
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant):
            names = [ast.unparse(target) for target in line.targets]
            if key in names:
                return str(line.value.value)
    return None

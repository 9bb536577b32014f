"""Reads names for completion from a model, a label file and the sources of methods and goals."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import inputgrad_cli
from inputgrad_cli.errors import InputgradError
from inputgrad_cli.modelfile.config_object_traversal import get_name, list_layers

METHODS_FOLDER = Path(inputgrad_cli.__file__).parent / "methods"
GOALS_FOLDER = Path(inputgrad_cli.__file__).parent / "optimization"  # with their base classes
DECLARATION = "declare_parameter"  # the call that makes a field a parameter
# A damaged file raises any of these; completion then offers nothing, because nobody reads errors.
READ_ERRORS = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


def list_class_names(model: Path | None, labels: Path | None) -> list[str]:
    """Return the class names of a model; an empty list if they cannot be read."""
    from inputgrad_cli.formats.class_name_files import find_labels  # not imported by --help

    try:
        return list(find_labels(model or Path(), labels))
    except (InputgradError, *READ_ERRORS):
        return []


def list_layer_names(model: Path | None) -> list[str]:
    """Return the layers of a `.keras` file without its inputs; nested ones as `outer/inner`."""
    return [name for name, kind in _list_nodes(model) if kind != "InputLayer"]


def list_input_names(model: Path | None) -> list[str]:
    """Return the input layers of a `.keras` file."""
    return [name for name, kind in _list_nodes(model) if kind == "InputLayer" and "/" not in name]


def _list_nodes(model: Path | None) -> list[tuple[str, str]]:
    if model is None or model.suffix != ".keras":
        return []
    from inputgrad_cli.modelfile.model_file import open_model  # not imported by --help

    try:
        return list(_walk(open_model(model).config, ""))
    except (InputgradError, *READ_ERRORS):
        return []


def _walk(config: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for node in list_layers(config):
        name = prefix + get_name(node)
        yield name, str(node.get("class_name"))
        yield from _walk(node, f"{name}/")


def list_parameter_names(name: str, folder: Path) -> list[str]:
    """Return the names of the parameters of a method or goal, including inherited ones.

    `folder` has the source files of all of its kind.
    """
    classes = _parse_classes(folder)
    definition = next((c for c in classes.values() if _read_constant(c, "name") == name), None)
    return [] if definition is None else sorted({*_yield_parameters(definition, classes), "as"})


@cache
def _parse_classes(folder: Path) -> dict[str, ast.ClassDef]:
    trees = (ast.parse(path.read_text("utf-8")) for path in folder.rglob("*.py"))
    return {
        node.name: node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)
    }


def _yield_parameters(
    definition: ast.ClassDef, classes: Mapping[str, ast.ClassDef]
) -> Iterator[str]:
    for base in definition.bases:
        if isinstance(base, ast.Name) and base.id in classes:
            yield from _yield_parameters(classes[base.id], classes)
    for line in definition.body:
        if isinstance(line, ast.AnnAssign) and _is_parameter(line.value):
            yield ast.unparse(line.target)


def _is_parameter(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func) == DECLARATION


def _read_constant(definition: ast.ClassDef, key: str) -> str | None:
    for line in definition.body:
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant):
            names = [ast.unparse(target) for target in line.targets]
            if key in names:
                return str(line.value.value)
    return None

"""Completes words in the shell, without importing NumPy or TensorFlow, which would be too slow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem

import inputgrad_cli
from inputgrad_cli.cli.completion_name_lookup import (
    GOALS_FOLDER,
    METHODS_FOLDER,
    list_class_names,
    list_input_names,
    list_layer_names,
    list_parameter_names,
)
from inputgrad_cli.option_choices import LAYER, TARGETS

PACKAGE_FOLDER = Path(inputgrad_cli.__file__).parent
# The line with which a class of methods or baselines sets the name that it is registered by.
NAME_PATTERN = re.compile(r'^    name = "([^"]+)"$', re.M)

Items = list[CompletionItem]


def complete_goal(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Return the goals that begin with `incomplete`, or their parameters after a colon."""
    goal, colon, rest = incomplete.partition(":")
    if not colon:
        return _filter_by_prefix(incomplete, _list_names(GOALS_FOLDER))
    head = f"{goal}:" + "".join(rest.rpartition(",")[:2])
    names = list_parameter_names(goal, GOALS_FOLDER)
    return _filter_by_prefix(incomplete, [f"{head}{name}=" for name in names])


def complete_method(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Return the methods that begin with `incomplete`, or their parameters after a colon."""
    method, colon, rest = incomplete.partition(":")
    # `inputgrad methods NAME` takes a name without parameters.
    if not colon or param.param_type_name == "argument":
        return _filter_by_prefix(incomplete, _list_names(METHODS_FOLDER))
    before, comma, word = rest.rpartition(",")
    key, equals, _ = word.partition("=")
    head = f"{method}:{before}{comma}"
    if equals and key == "layer":
        return _filter_by_prefix(
            incomplete, [f"{head}layer={name}" for name in list_layer_names(_find_model(ctx))]
        )
    if equals and key == "of":
        names = _list_names(METHODS_FOLDER)
        return _filter_by_prefix(incomplete, [f"{head}of={name}" for name in names])
    names = list_parameter_names(method, METHODS_FOLDER)
    return _filter_by_prefix(incomplete, [f"{head}{name}=" for name in names])


def complete_baseline(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Return the baselines that begin with `incomplete`."""
    return _filter_by_prefix(incomplete, _find_names(PACKAGE_FOLDER / "data" / "baselines.py"))


def complete_target(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Return the targets that begin with `incomplete`: fixed words, class names, layers, files."""
    kind, colon, rest = incomplete.partition(":")
    if not colon:
        return _filter_by_prefix(incomplete, TARGETS)
    if kind in ("mask", "file"):
        return [CompletionItem(rest, type="file")]
    head = f"{kind}:" + "".join(rest.rpartition(",")[:2] if kind == "margin" else ())
    if kind in ("class", "margin"):
        labels = ctx.params.get("labels")
        return _filter_by_prefix(
            incomplete, [head + name for name in list_class_names(_find_model(ctx), labels)]
        )
    if f"{kind}:" == LAYER:
        # After the slash follows what is asked of the layer.
        return _filter_by_prefix(
            incomplete, [f"{head}{name}/" for name in list_layer_names(_find_model(ctx))]
        )
    return []


def complete_wrt(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Return the inputs and layers of the model that begin with `incomplete`."""
    model = _find_model(ctx)
    return _filter_by_prefix(
        incomplete, list_input_names(model) + [LAYER + name for name in list_layer_names(model)]
    )


def _find_model(ctx: click.Context) -> Path | None:
    # While an option still lacks its value, Click leaves the arguments in `ctx.args`.
    words = [ctx.params.get("model"), *ctx.args]
    return next((Path(word) for word in words if word is not None), None)


def _list_names(folder: Path) -> list[str]:
    return sorted(name for path in folder.rglob("*.py") for name in _find_names(path))


def complete_file(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Let the shell complete file names."""
    return [CompletionItem(incomplete, type="file")]


def _find_names(path: Path) -> Iterator[str]:
    """Yield the names that a module registers, read from its source without importing it."""
    return (match[1] for match in NAME_PATTERN.finditer(path.read_text("utf-8")))


def _filter_by_prefix(incomplete: str, words: Iterator[str] | list[str] | tuple[str, ...]) -> Items:
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]

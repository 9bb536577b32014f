"""What a shell offers to complete. A key press cannot wait for NumPy, let alone TensorFlow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem

import inputgrad_cli
from inputgrad_cli.choices import LAYER, TARGETS
from inputgrad_cli.cli.completion_names import classes_of, inputs_of, layers_of, parameters_of

PACKAGE = Path(inputgrad_cli.__file__).parent
NAME = re.compile(r'^    name = "([^"]+)"$', re.M)

Items = list[CompletionItem]


def methods(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Return the methods whose names begin so."""
    method, colon, rest = incomplete.partition(":")
    if not colon or param.param_type_name == "argument":
        return _begun(incomplete, _methods())
    before, comma, word = rest.rpartition(",")
    key, equals, _ = word.partition("=")
    head = f"{method}:{before}{comma}"
    if equals and key == "layer":
        return _begun(incomplete, [f"{head}layer={name}" for name in layers_of(_model(ctx))])
    if equals and key == "of":
        return _begun(incomplete, [f"{head}of={name}" for name in _methods()])
    return _begun(incomplete, [f"{head}{name}=" for name in parameters_of(method)])


def baselines(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Return the baselines whose names begin so."""
    return _begun(incomplete, _names(PACKAGE / "data" / "baselines.py"))


def targets(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Return the targets that begin so: fixed words, classes by name, layers, files."""
    kind, colon, rest = incomplete.partition(":")
    if not colon:
        return _begun(incomplete, TARGETS)
    if kind in ("mask", "file"):
        return [CompletionItem(rest, type="file")]
    head = f"{kind}:" + "".join(rest.rpartition(",")[:2] if kind == "margin" else ())
    if kind in ("class", "margin"):
        labels = ctx.params.get("labels")
        return _begun(incomplete, [head + name for name in classes_of(_model(ctx), labels)])
    if f"{kind}:" == LAYER:
        return _begun(incomplete, [f"{head}{name}/" for name in layers_of(_model(ctx))])
    return []


def places(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Return the inputs and the layers of the model that begin so."""
    model = _model(ctx)
    return _begun(incomplete, inputs_of(model) + [LAYER + name for name in layers_of(model)])


def _model(ctx: click.Context) -> Path | None:
    # Where an option still lacks its value, Click leaves the arguments where they were.
    words = [ctx.params.get("model"), *ctx.args]
    return next((Path(word) for word in words if word is not None), None)


def _methods() -> list[str]:
    return sorted(n for path in (PACKAGE / "methods").rglob("*.py") for n in _names(path))


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Return the word for "the shell's own file names"."""
    return [CompletionItem(incomplete, type="file")]


def _names(path: Path) -> Iterator[str]:
    """Yield the names that a module registers, read from its source: nothing is imported."""
    return (found[1] for found in NAME.finditer(path.read_text("utf-8")))


def _begun(incomplete: str, words: Iterator[str] | list[str] | tuple[str, ...]) -> Items:
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]

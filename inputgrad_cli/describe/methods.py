"""Describes methods from their definitions, for `inputgrad methods` and the README."""

from __future__ import annotations

import inspect
from dataclasses import Field, dataclass
from typing import Any

from inputgrad_cli.interfaces.method import Method
from inputgrad_cli.methods import methods
from inputgrad_cli.registry import get_summary, list_parameters

# What `Method.needs` means to a user.
NEEDS = {
    "picture": "needs picture inputs",
    "dataset": "needs --baseline dataset:path=FILE",
    "layer": "needs a layer that gives maps",
    "network": "needs layers that have rules",
}

# In the order in which the methods are listed.
FAMILIES = ("gradient", "path", "layer", "perturbation", "backward-rule", "region")


@dataclass(frozen=True)
class MethodRow:
    """A method in one line: family, paper, help, properties, and what it needs (None: nothing).

    The paper is empty if the method has none.
    """

    name: str
    family: str
    paper: str
    help: str
    complete: bool
    random: bool
    needs: str | None


@dataclass(frozen=True)
class ParameterDescription:
    """A parameter of a method or goal; the ends of its range are None if it is open."""

    name: str
    default: object
    help: str
    choices: tuple[str, ...]
    least: float | None
    most: float | None


@dataclass(frozen=True)
class MethodDescription:
    """A method with its text, its parameters and its laws; the paper is empty if it has none."""

    name: str
    family: str
    paper: str
    text: str
    parameters: tuple[ParameterDescription, ...]
    laws: tuple[str, ...]


def list_method_rows() -> list[MethodRow]:
    """Return one row per method, sorted by family and name."""
    return [
        MethodRow(m.name, m.family, m.paper, get_summary(m), m.complete, m.random, m.needs or None)
        for m in sorted(methods, key=lambda m: (FAMILIES.index(m.family), m.name))
    ]


def describe_method(name: str) -> MethodDescription:
    """Return the full description of a method; UsageError if no method has that name."""
    cls = methods.get(name)
    return MethodDescription(
        name=cls.name,
        family=cls.family,
        paper=cls.paper,
        text=inspect.getdoc(cls) or "",
        parameters=tuple(describe_parameter(f) for f in list_parameters(cls)),
        laws=tuple(list_laws(cls)),
    )


def describe_parameter(parameter: Field[Any]) -> ParameterDescription:
    """Return the description of a parameter of a method or goal."""
    data = parameter.metadata
    return ParameterDescription(
        name=parameter.name,
        default=parameter.default,
        help=data.get("help", ""),
        choices=tuple(data.get("choices", ())),
        least=data.get("least"),
        most=data.get("most"),
    )


def list_laws(cls: type[Method]) -> list[str]:
    """Return sentences on what a method guarantees and needs."""
    sentences = ["same seed, same draws" if cls.random else "deterministic"]
    if cls.complete:
        sentences.append("complete: sums to score - baseline score")
    if cls.linear_exact:
        sentences.append(f"on a linear model: {cls.linear_exact}")
    if cls.needs:
        sentences.append(NEEDS[cls.needs])
    return sentences


def format_methods_table() -> str:
    """Return the table of methods for the README, in Markdown."""
    lines = ["| method | family | what it gives | paper |", "|---|---|---|---|"]
    for row in list_method_rows():
        link = format_link(row.paper)
        lines.append(f"| `{row.name}` | {row.family} | {row.help} | {link} |")
    return "\n".join(lines)


def format_link(paper: str) -> str:
    """Return a reference, `arXiv:...` or `doi:...`, as a link in Markdown; none gives no text."""
    if not paper:
        return ""
    kind, _, identifier = paper.partition(":")
    return f"[{paper}](https://{'doi.org' if kind == 'doi' else 'arxiv.org/abs'}/{identifier})"

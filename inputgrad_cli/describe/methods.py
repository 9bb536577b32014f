"""Describes methods from their definitions, for `inputgrad methods` and the README."""

from __future__ import annotations

import inspect
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


def list_method_rows() -> list[dict[str, Any]]:
    """Return one row per method: name, family, paper, one line of help, properties, requirements.

    The rows are sorted by family and name.
    """
    return [
        {
            "name": m.name,
            "family": m.family,
            "paper": m.paper,
            "help": get_summary(m),
            "complete": m.complete,
            "random": m.random,
            "needs": m.needs or None,
        }
        for m in sorted(methods, key=lambda m: (FAMILIES.index(m.family), m.name))
    ]


def describe_method(name: str) -> dict[str, Any]:
    """Return the full description of a method; UsageError if no method has that name."""
    cls = methods.get(name)
    return {
        "name": cls.name,
        "family": cls.family,
        "paper": cls.paper,
        "text": inspect.getdoc(cls) or "",
        "parameters": [
            {
                "name": f.name,
                "default": f.default,
                "help": f.metadata.get("help", ""),
                "choices": list(f.metadata.get("choices", ())),
                "least": f.metadata.get("least"),
                "most": f.metadata.get("most"),
            }
            for f in list_parameters(cls)
        ],
        "laws": list_laws(cls),
    }


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
        link = f"[{row['paper']}]({_build_url(row['paper'])})"
        lines.append(f"| `{row['name']}` | {row['family']} | {row['help']} | {link} |")
    return "\n".join(lines)


def _build_url(paper: str) -> str:
    kind, _, identifier = paper.partition(":")
    return f"https://{'doi.org' if kind == 'doi' else 'arxiv.org/abs'}/{identifier}"

"""Methods in words, from their own definitions: for `methods` and for the README."""

from __future__ import annotations

import inspect
from typing import Any

from inputgrad_cli.interfaces.method import Method
from inputgrad_cli.methods import methods
from inputgrad_cli.registry import parameters, summary

NEEDS = {
    "picture": "needs picture inputs",
    "dataset": "needs --baseline dataset:path=FILE",
    "layer": "needs a layer that gives maps",
    "network": "needs layers that have rules",
}


FAMILIES = ("gradient", "path", "layer", "perturbation", "backward-rule", "region")


def method_rows() -> list[dict[str, Any]]:
    """Return name, family, paper, promises, needs and one line of help of every method."""
    return [
        {
            "name": m.name,
            "family": m.family,
            "paper": m.paper,
            "help": summary(m),
            "complete": m.complete,
            "random": m.random,
            "needs": m.needs or None,
        }
        for m in sorted(methods, key=lambda m: (FAMILIES.index(m.family), m.name))
    ]


def describe(name: str) -> dict[str, Any]:
    """Return all that is known of a method; UsageError where there is none of that name."""
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
            for f in parameters(cls)
        ],
        "laws": laws(cls),
    }


def laws(cls: type[Method]) -> list[str]:
    """Return what a method promises, in words."""
    told = ["same seed, same draws" if cls.random else "deterministic"]
    if cls.complete:
        told.append("complete: sums to score - baseline score")
    if cls.linear_exact:
        told.append(f"on a linear model: {cls.linear_exact}")
    if cls.needs:
        told.append(NEEDS[cls.needs])
    return told


def methods_markdown() -> str:
    """Return the README's table of methods."""
    lines = ["| method | family | what it gives | paper |", "|---|---|---|---|"]
    for row in method_rows():
        link = f"[{row['paper']}]({_address(row['paper'])})"
        lines.append(f"| `{row['name']}` | {row['family']} | {row['help']} | {link} |")
    return "\n".join(lines)


def _address(paper: str) -> str:
    kind, _, identifier = paper.partition(":")
    return f"https://{'doi.org' if kind == 'doi' else 'arxiv.org/abs'}/{identifier}"

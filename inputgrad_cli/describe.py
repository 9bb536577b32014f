"""Methods in words, from their own definitions: for `methods` and for the README."""

from __future__ import annotations

import inspect
from typing import Any

from inputgrad_cli.contracts import Method
from inputgrad_cli.methods import methods
from inputgrad_cli.registry import parameters, summary

NEEDS = {"picture": "needs picture inputs", "dataset": "needs --baseline dataset:path=FILE"}


def method_rows() -> list[dict[str, Any]]:
    """Return name, family, paper and one line of help of every method."""
    return [
        {
            "name": m.name,
            "family": m.family,
            "paper": m.paper,
            "help": summary(m),
            "complete": m.complete,
            "needs": m.needs or None,
        }
        for m in methods
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
        identifier = row["paper"].removeprefix("arXiv:")
        link = f"[{row['paper']}](https://arxiv.org/abs/{identifier})"
        lines.append(f"| `{row['name']}` | {row['family']} | {row['help']} | {link} |")
    return "\n".join(lines)

"""`inputgrad methods`: what can be asked, with its papers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import click

from inputgrad_cli.cli import completion
from inputgrad_cli.cli.options.shared import json_option
from inputgrad_cli.cli.terminal import page_width, put, wrapped
from inputgrad_cli.cli.text_pages import aligned


@click.command("methods")
@click.argument("name", required=False, shell_complete=completion.methods)
@json_option
def command(name: str | None, json: bool) -> None:
    """List the methods; with NAME show its parameters, paper and laws."""
    from inputgrad_cli.describe.methods import describe, method_rows
    from inputgrad_cli.formats.attribution_npz import dump

    if name is not None:
        about = describe(name)
        put(dump(about) if json else wrapped(_page(about), page_width(), " " * 6))
        return
    rows = method_rows()
    put(dump({"methods": rows}) if json else _table(rows, page_width()))


LEGEND = (
    "complete: values sum to score - baseline score. random: draws follow --seed. "
    "picture, dataset, layer, network: what a method needs. "
    "`inputgrad methods NAME` tells parameters, formula and laws."
)


def _table(rows: list[dict[str, Any]], width: int) -> str:
    """Return a line a method; where that is too wide, its help and tags stand below it."""
    cells = [(r["name"], r["family"], _tags(r), r["paper"], r["help"]) for r in rows]
    lines = aligned(cells)
    if max(len(line) for line in lines) > width:
        lines = [*_narrow(rows, width), ""]
    return "\n".join(lines) + "\n" + wrapped(LEGEND, width, "")


def _narrow(rows: list[dict[str, Any]], width: int) -> Iterator[str]:
    heads = aligned([(row["name"], row["paper"]) for row in rows])
    for family, members in groupby(zip(rows, heads, strict=True), lambda pair: pair[0]["family"]):
        yield f"{family} methods"
        for row, head in members:
            tags = _tags(row).replace("-", "")
            yield f"  {head}"
            yield wrapped(f"      {row['help']}" + (f" [{tags}]" if tags else ""), width, " " * 6)


def _tags(row: dict[str, Any]) -> str:
    """Return what a method promises and needs, in a word each."""
    tags = [word for word in ("complete", "random") if row[word]]
    return ", ".join([*tags, *([row["needs"]] if row["needs"] else [])]) or "-"


def _page(about: dict[str, Any]) -> str:
    lines = [f"{about['name']} ({about['family']} family, {about['paper']})", "", about["text"], ""]
    lines.append("parameters:" if about["parameters"] else "no parameters")
    for p in about["parameters"]:
        extra = f" ({', '.join(p['choices'])})" if p["choices"] else ""
        default = "unset" if p["default"] is None else p["default"]
        lines.append(f"  {p['name']} ({default})  {p['help']}{extra}")
    lines += ["", "laws: " + "; ".join(about["laws"])]
    return "\n".join(lines)

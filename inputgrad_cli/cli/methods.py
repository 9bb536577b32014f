"""`inputgrad methods`: what can be asked, with its papers."""

from __future__ import annotations

from typing import Any

import click

from inputgrad_cli.cli.options import json_option


@click.command("methods")
@click.argument("name", required=False)
@json_option
def command(name: str | None, json: bool) -> None:
    """List the methods; with NAME show its parameters, paper and laws."""
    from inputgrad_cli.describe import describe, method_rows
    from inputgrad_cli.formats.results import dump

    if name is not None:
        about = describe(name)
        click.echo(dump(about) if json else _page(about))
        return
    rows = method_rows()
    click.echo(dump({"methods": rows}) if json else _table(rows))


def _table(rows: list[dict[str, Any]]) -> str:
    width = max(len(row["name"]) for row in rows)
    families = max(len(row["family"]) for row in rows)
    papers = max(len(row["paper"]) for row in rows)
    return "\n".join(
        f"{row['name']:{width}}  {row['family']:{families}}  {row['paper']:{papers}}  {row['help']}"
        for row in rows
    )


def _page(about: dict[str, Any]) -> str:
    lines = [f"{about['name']} ({about['family']} family, {about['paper']})", "", about["text"], ""]
    lines.append("parameters:" if about["parameters"] else "no parameters")
    for p in about["parameters"]:
        extra = f" ({', '.join(p['choices'])})" if p["choices"] else ""
        default = "unset" if p["default"] is None else p["default"]
        lines.append(f"  {p['name']} ({default})  {p['help']}{extra}")
    lines += ["", "laws: " + "; ".join(about["laws"])]
    return "\n".join(lines)

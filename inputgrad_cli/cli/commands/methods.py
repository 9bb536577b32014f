"""`inputgrad methods`: lists the attribution methods, or describes one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

import click

from inputgrad_cli.cli import option_value_completion
from inputgrad_cli.cli.options.group_base_classes import GroupedCommand
from inputgrad_cli.cli.options.json_config_verbosity import JsonOptions
from inputgrad_cli.cli.reporters.choose import choose_reporters
from inputgrad_cli.cli.reporters.reporter_protocol import Result
from inputgrad_cli.cli.terminal_output import wrap_text
from inputgrad_cli.cli.text_layout import align_columns

if TYPE_CHECKING:
    from inputgrad_cli.describe.methods import MethodDescription, MethodRow


@click.command("methods", cls=GroupedCommand, groups={"scripts": JsonOptions})
@click.argument("name", required=False, shell_complete=option_value_completion.complete_method)
def run_methods(name: str | None, scripts: JsonOptions) -> None:
    """List the methods; with NAME, show the parameters, paper and laws of one."""
    from inputgrad_cli.describe.methods import describe_method, list_method_rows

    if name is not None:
        description = describe_method(name)
        result = Result(
            asdict(description), lambda width: wrap_text(_format_page(description), width, " " * 6)
        )
    else:
        rows = list_method_rows()
        record = {"methods": [asdict(row) for row in rows]}
        result = Result(record, lambda width: _format_table(rows, width))
    choose_reporters(scripts.json).report(result)


LEGEND = (
    "complete: values sum to score - baseline score. random: draws follow --seed. "
    "picture, dataset, layer, network: what a method needs. "
    "`inputgrad methods NAME` shows parameters, formula and laws."
)


def _format_table(rows: Sequence[MethodRow], width: int) -> str:
    """Return one line per method or, if that is too wide, its help and tags on a second line."""
    cells = [(r.name, r.family, _format_tags(r), r.paper or "-", r.help) for r in rows]
    lines = align_columns(cells)
    # One line for each method takes about 190 columns.
    if max(len(line) for line in lines) > width:
        lines = [*_yield_narrow_lines(rows, width), ""]
    return "\n".join(lines) + "\n" + wrap_text(LEGEND, width, "")


def _yield_narrow_lines(rows: Sequence[MethodRow], width: int) -> Iterator[str]:
    heads = align_columns([(row.name, row.paper) for row in rows])
    for family, members in groupby(zip(rows, heads, strict=True), lambda pair: pair[0].family):
        yield f"{family} methods"
        for row, head in members:
            # A hyphen fills an empty column, which there is none of here.
            tags = _format_tags(row).replace("-", "")
            yield f"  {head}"
            yield wrap_text(f"      {row.help}" + (f" [{tags}]" if tags else ""), width, " " * 6)


def _format_tags(row: MethodRow) -> str:
    """Return the properties and requirements of a method, one word each."""
    tags = ["complete"] * row.complete + ["random"] * row.random
    return ", ".join([*tags, *([row.needs] if row.needs else [])]) or "-"


def _format_page(description: MethodDescription) -> str:
    origin = ", ".join(filter(None, (f"{description.family} family", description.paper)))
    lines = [
        f"{description.name} ({origin})",
        "",
        description.text,
        "",
    ]
    lines.append("parameters:" if description.parameters else "no parameters")
    for p in description.parameters:
        extra = f" ({', '.join(p.choices)})" if p.choices else ""
        default = "unset" if p.default is None else p.default
        lines.append(f"  {p.name} ({default})  {p.help}{extra}")
    lines += ["", "laws: " + "; ".join(description.laws)]
    return "\n".join(lines)

"""`inputgrad inspect`: what a model takes, gives and contains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from inputgrad_cli.cli.exits import printable
from inputgrad_cli.cli.options import json_option, model_argument


@click.command("inspect")
@model_argument
@click.option("--load", "loaded", is_flag=True, help="Open the model and prove its logits.")
@click.option("--code", multiple=True, metavar="FILE.py|MODULE", help="Your own layers.")
@json_option
def command(model: Path, loaded: bool, code: tuple[str, ...], json: bool) -> None:
    """Show what MODEL takes and gives, and what saliency would do with it.

    Read from the archive alone, without TensorFlow. What only the opened model can tell comes with
    --load: the logits, proved by a forward pass.
    """
    from inputgrad_cli.formats.results import dump
    from inputgrad_cli.overview import overview, prove

    about = overview(model)
    if loaded:
        about["loaded"] = prove(model, code)
    click.echo(dump(about) if json else _page(about))


def _page(about: dict[str, Any]) -> str:
    lines = [f"{about['path']}  {about['kind']} {about['name']!r}, Keras {about['keras_version']}"]
    lines += _section("inputs", about["inputs"], "only the opened model can tell: use --load")
    lines += _section("outputs", about["outputs"], "only the opened model can tell: use --load")
    if about["preprocess"]:
        lines += ["preprocessing of pictures", f"  {about['preprocess']}"]
    lines += _section("needs --code for", about["custom"], None)
    lines += _section("refused", about["unsafe"], None)
    lines += _section("layers", about["layers"], None)
    if "loaded" in about:
        lines += _section("proved by a forward pass", about["loaded"]["outputs"], None)
    return "\n".join(printable(line) for line in lines)


def _section(title: str, rows: list[str] | None, unknown: str | None) -> list[str]:
    if rows is None:
        return [title, f"  {unknown}"]
    return [title, *(f"  {row}" for row in rows)] if rows else []

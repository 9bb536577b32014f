"""`inputgrad inspect`: what a model takes, gives and contains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from inputgrad_cli.cli import completion
from inputgrad_cli.cli.exits import exit_code, tell
from inputgrad_cli.cli.options import json_option, model_argument
from inputgrad_cli.cli.screen import put, say, shown, stage
from inputgrad_cli.errors import ModelError
from inputgrad_cli.words import printable

LATER = "only the opened model can tell: use --load"


@click.command("inspect")
@model_argument
@click.option("--load", is_flag=True, help="Open the model and prove its logits.")
@click.option(
    "--code",
    multiple=True,
    metavar="FILE.py|MODULE",
    shell_complete=completion.files,
    help="Your own layers.",
)
@click.option(
    "--trust-model",
    is_flag=True,
    allow_from_autoenv=False,
    help="Let --load open what can run code. A flag only.",
)
@click.option(
    "--write-sidecar",
    is_flag=True,
    help="Write MODEL.inputgrad.toml, where preprocessing and labels are settled.",
)
@json_option
def command(
    model: Path,
    load: bool,
    code: tuple[str, ...],
    trust_model: bool,
    write_sidecar: bool,
    json: bool,
) -> int:
    """Show what MODEL takes and gives, and what saliency would do with it.

    Read from the archive alone, without TensorFlow. What only the opened model can tell comes with
    --load: the logits, proved by a forward pass, and what blocks a gradient.
    """
    from inputgrad_cli.contracts import Telling
    from inputgrad_cli.formats.results import dump
    from inputgrad_cli.overview import overview, prove, settle

    with shown(True, "reading the file"):
        written = settle(model) if write_sidecar else None
        about = overview(model)
    failed: ModelError | None = None
    if load:
        try:
            with shown(True, "opening the model"):
                about["loaded"] = prove(model, code, trust_model, Telling(stage))
        except ModelError as error:
            failed = error
            about["loaded"] = {"problem": error.sentence()}
    put(dump(about) if json else "\n".join(map(printable, _page(about))))
    if written:
        say(f"inputgrad: wrote {printable(str(written))}")
    if failed:
        tell(failed)
        return exit_code(failed)
    return 0


def _page(about: dict[str, Any]) -> list[str]:
    told = about["loaded"] if about["loaded"] and "problem" not in about["loaded"] else {}
    lines = [
        f"{about['path']}  {about['kind']} {about['name']!r}",
        *_aligned([["file", f"{about['size']} bytes, {_saved(about)}"]]),
        *_section("inputs", _ports(told.get("inputs", about["inputs"])), LATER),
        *_section("outputs", _ports(about["outputs"], "activation"), LATER),
    ]
    if told:
        lines += _section("proved by a forward pass", [_head(head) for head in told["outputs"]])
        lines += _section("notes", [[note] for note in told["notes"].values()])
    lines += _settings(about)
    lines += _needs(about)
    blocks = [[b["input"], b["reason"]] for b in told.get("blocks", ())]
    lines += _section("no gradient reaches", blocks)
    lines += _section("layers", _layers(about, told), LATER)
    return lines


def _saved(about: dict[str, Any]) -> str:
    weights = about["weights"]
    writer = f"Keras {about['keras_version']}" if about["keras_version"] else "an unknown Keras"
    return f"by {writer}, {weights['numbers']} numbers in {weights['arrays']} arrays"


def _ports(rows: Sequence[dict[str, Any]] | None, last: str = "dtype") -> list[list[str]] | None:
    if rows is None:
        return None
    return [[row["name"], _shape(row["shape"]), row[last] or ""] for row in rows]


def _shape(shape: Sequence[int | None] | None) -> str:
    if shape is None:
        return "?"
    return "(" + ", ".join("any" if d is None else str(d) for d in shape) + _comma(shape) + ")"


def _comma(shape: Sequence[int | None]) -> str:
    return "," if len(shape) == 1 else ""


def _head(head: dict[str, Any]) -> list[str]:
    if head["logits"]:
        told = f"{head['activation']}, logits found and proved"
    else:
        told = "no softmax or sigmoid: the output as it is"
    return [head["name"], _shape(head["shape"]), told + (f" ({head['note']})" * bool(head["note"]))]


def _settings(about: dict[str, Any]) -> list[str]:
    rows = []
    told = about["loaded"] or {}
    rows += _pixels(told.get("preprocess") or about["preprocess"])
    if about["labels"]:
        rows.append(["labels", ", ".join(about["labels"][:8])])
    if about["sidecar"]:
        rows.append(["sidecar", about["sidecar"]])
    if layer := told.get("cam_layer") or about["cam_layer"]:
        rows.append(["a CAM would use", layer])
    return _section("saliency", rows)


def _pixels(told: dict[str, Any] | None) -> list[list[str]]:
    """Return the rows on preprocessing: one, or one for each input where they differ."""
    if not told:
        return []
    each = told.get("inputs", {"": told})
    rows = [
        [
            f"preprocessing {name}".strip(),
            f"{how['name']} ({how['source']})" if how["name"] else "--load tells",
        ]
        for name, how in each.items()
    ]
    notes = dict.fromkeys(how["note"] for how in each.values() if "note" in how)
    return rows + [["", note] for note in notes]


def _needs(about: dict[str, Any]) -> list[str]:
    custom = [[c["name"], f"from {c['module']}" if c["module"] else ""] for c in about["custom"]]
    return [
        *_section("needs --code for", custom),
        *_section("refused without --trust-model", [[why] for why in about["unsafe"]]),
        *_section("cannot be used", [[about["problem"]]] if about["problem"] else []),
        *_section("a gradient does not pass", [[layer] for layer in about["blocks"]]),
    ]


def _layers(about: dict[str, Any], told: dict[str, Any]) -> list[list[str]] | None:
    rows = told.get("layers") or about["layers"]
    return [[r["name"], r["class"], _shape(r["shape"])] for r in rows] or None


def _section(
    title: str, rows: Sequence[Sequence[str]] | None, unknown: str | None = None
) -> list[str]:
    if rows is None:
        return [title, f"  {unknown}"]
    return [title, *_aligned(rows)] if rows else []


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return lines whose columns stand under one another."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]

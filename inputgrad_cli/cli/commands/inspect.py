"""`inputgrad inspect`: what a model takes, gives and contains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from inputgrad_cli.choices import printable
from inputgrad_cli.cli import completion
from inputgrad_cli.cli.exit_codes import exit_code, known, tell
from inputgrad_cli.cli.options.shared import json_option, memory_option, model_argument
from inputgrad_cli.cli.signals import opening
from inputgrad_cli.cli.terminal import page_width, put, say, shown, stage, wrapped
from inputgrad_cli.cli.text_pages import Section, section
from inputgrad_cli.errors import InputgradError

HIDDEN = [["the model shows none"]]
LATER = [["only the opened model can tell: use --load"]]
MOST = 12  # layers that are listed unasked: inputs and outputs stay on a screen of 24 lines


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
    "--layers",
    is_flag=True,
    help="List every layer, however many there are; --json always does.",
)
@click.option(
    "--length",
    type=click.IntRange(min=1),
    metavar="N",
    help="How long --load makes axes that may have any length.",
)
@click.option(
    "--write-sidecar",
    is_flag=True,
    help="Write MODEL.inputgrad.toml, where preprocessing and labels are settled.",
)
@memory_option
@json_option
def command(model: Path, **values: Any) -> int:
    """Show what MODEL takes and gives, and what saliency would do with it.

    Read from the archive alone, without TensorFlow. What only the opened model can tell comes with
    --load: the logits, proved by a forward pass, and what blocks a gradient.
    """
    from inputgrad_cli.describe.model import overview, settle
    from inputgrad_cli.formats.attribution_npz import dump
    from inputgrad_cli.machine.memory import allowing
    from inputgrad_cli.supervision.shared_page import Stage
    from inputgrad_cli.supervision.time_limits import reading_seconds
    from inputgrad_cli.supervision.worker import WORKER

    WORKER.enter(Stage.READING, str(model), reading_seconds(model))
    with allowing(values["max_memory"]):
        with shown(True, "reading the file"):
            written = settle(model) if values["write_sidecar"] else None
            about = overview(model)
        failed = _prove(model, values, about) if values["load"] else None
    about["trusted"] = values["trust_model"]
    put(dump(about) if values["json"] else _page(about, page_width(), values["layers"]))
    if written:
        say(f"inputgrad: wrote {printable(str(written))}")
    if failed:
        tell(failed)
        return exit_code(failed)
    return 0


def _prove(model: Path, values: dict[str, Any], about: dict[str, Any]) -> InputgradError | None:
    """Enter into `about` what the opened model shows; return the error where it cannot be used."""
    from inputgrad_cli.describe.model import Opening, prove
    from inputgrad_cli.interfaces.engine import Telling

    try:
        with opening("opening the model"):
            how = Opening(values["code"], values["trust_model"], values["length"])
            about["loaded"] = prove(model, how, Telling(stage))
    except (InputgradError, MemoryError) as error:
        failed = known(error)
        about["loaded"] = {"problem": failed.sentence()}
        return failed
    return None


def _page(about: dict[str, Any], width: int, every: bool) -> str:
    head = printable(f"{about['path']}  {about['kind']} {about['name']!r}".removesuffix(" ''"))
    lines = [line for part in _sections(about, every) for line in section(part, width)]
    return "\n".join([wrapped(head, width), *lines])


def _sections(about: dict[str, Any], every: bool) -> Iterator[Section]:
    told = about["loaded"] if about["loaded"] and "problem" not in about["loaded"] else {}
    yield "", [["file", f"{about['size']} bytes, {_saved(about, told)}"]]
    yield "inputs", _ports(told.get("inputs", about["inputs"])) or LATER
    yield "outputs", _ports(about["outputs"] or told.get("outputs"), "activation") or LATER
    if told:
        yield "proved by a forward pass", [_head(head) for head in told["outputs"]]
        length = [f"axes of any length were given {told['length']}"] * bool(told["length"])
        yield "notes", [[note] for note in [*length, *told["notes"].values()]]
    yield "saliency", list(_settings(about))
    yield from _needs(about)
    yield "no gradient reaches", [[b["input"], b["reason"]] for b in told.get("blocks", ())]
    rows = told.get("layers") or about["layers"]
    if every or not rows or len(rows) <= MOST:
        yield "layers", _layers(rows) or (HIDDEN if told else LATER)
    else:
        yield f"{len(rows)} layers (--layers lists them)", _kinds(rows)


def _saved(about: dict[str, Any], told: dict[str, Any]) -> str:
    writer = f"Keras {about['keras_version']}" if about["keras_version"] else "an unknown Keras"
    if weights := about["weights"] or told.get("weights"):
        return f"by {writer}, {weights['numbers']} numbers in {weights['arrays']} arrays"
    return f"by {writer}; --load counts its weights"


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


def _settings(about: dict[str, Any]) -> Iterator[list[str]]:
    told = about["loaded"] or {}
    yield from _pixels(told.get("preprocess") or about["preprocess"])
    if about["labels"]:
        more = ", ..." if len(about["labels"]) > 8 else ""
        yield ["labels", ", ".join(about["labels"][:8]) + more]
    if about["sidecar"]:
        yield ["sidecar", about["sidecar"]]
    yield from _cams(told.get("cam_layers") or about["cam_layers"])


def _cams(found: dict[str, dict[str, Any]]) -> Iterator[list[str]]:
    """Yield which layer a class activation map would use: once, or by output where they differ."""
    layers = {(row["layer"], row["calls"]) for row in found.values()}
    for head, row in found.items():
        yield [f"a CAM{f' of {head}' * (len(layers) > 1)} would use", row["layer"] + _calls(row)]
        if len(layers) == 1:
            return


def _calls(row: dict[str, Any]) -> str:
    """Return which inputs a layer sees, of one that is called often each call of it."""
    from inputgrad_cli.modelfile.layer_names import sights

    name, calls, sees = row["layer"], row["calls"], row.get("sees", ())
    if calls == 1:
        return f", which sees {' and '.join(sees[0])}" if sees else ""
    seen = f"; {words}" if (words := sights(sees)) else ""
    return f", called {calls} times: choose layer={name}#0 to #{calls - 1}{seen}"


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


def _needs(about: dict[str, Any]) -> Iterator[Section]:
    custom = [[c["name"], f"from {c['module']}" if c["module"] else ""] for c in about["custom"]]
    yield "needs --code for", custom
    title = "trusted by --trust-model" if about["trusted"] else "refused without --trust-model"
    yield title, [[why] for why in about["unsafe"]]
    yield "cannot be used", [[about["problem"]]] if about["problem"] else []
    yield "a gradient does not pass", [[layer] for layer in about["blocks"]]


def _layers(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    return [[row["name"], row["class"], _shape(row["shape"])] for row in rows]


def _kinds(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return how many layers there are of each class, the most frequent first."""
    counts = Counter(row["class"] for row in rows)
    return [[", ".join(f"{number} {kind}" for kind, number in counts.most_common())]]

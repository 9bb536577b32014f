"""`inputgrad inspect`: shows the inputs, outputs and layers of a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inputgrad_cli.choices import to_printable
from inputgrad_cli.cli.exit_codes import as_inputgrad_error, get_exit_code, print_error
from inputgrad_cli.cli.options.arguments import model_argument
from inputgrad_cli.cli.options.execution import OpeningOptions
from inputgrad_cli.cli.options.groups import GroupedCommand
from inputgrad_cli.cli.options.inspection import InspectionOptions
from inputgrad_cli.cli.options.scripts import JsonOptions
from inputgrad_cli.cli.reporters.base import Notice, Result
from inputgrad_cli.cli.reporters.choose import choose_reporters
from inputgrad_cli.cli.signals import allow_interrupt
from inputgrad_cli.cli.terminal import set_stage, show_status, wrap_text
from inputgrad_cli.cli.text_pages import Section, format_section
from inputgrad_cli.errors import InputgradError

if TYPE_CHECKING:
    from inputgrad_cli.describe.model import OpenOptions

NO_LAYERS = [["the model shows none"]]
NEEDS_LOAD = [["only the opened model can tell: use --load"]]
MAX_LISTED_LABELS = 8
MAX_LISTED_LAYERS = 12  # without --layers, so that the page fits a screen of 24 lines


@click.command(
    "inspect",
    cls=GroupedCommand,
    groups={"shown": InspectionOptions, "opening": OpeningOptions, "scripts": JsonOptions},
)
@model_argument
def run_inspect(
    *, model: Path, shown: InspectionOptions, opening: OpeningOptions, scripts: JsonOptions
) -> int:
    """Show what MODEL takes and gives, and what saliency would do with it.

    Only the file is read, without TensorFlow. With --load the model is opened; this also shows its
    logits, proved by a forward pass, and what blocks a gradient.
    """
    from inputgrad_cli.describe.model import OpenOptions, describe_model, save_sidecar
    from inputgrad_cli.machine.memory import limit_memory
    from inputgrad_cli.supervision.shared_page import Stage
    from inputgrad_cli.supervision.time_limits import compute_reading_seconds
    from inputgrad_cli.supervision.worker import WORKER

    WORKER.enter_stage(Stage.READING, str(model), compute_reading_seconds(model))
    with limit_memory(opening.max_memory):
        with show_status(True, "reading the file"):
            written = save_sidecar(model) if shown.write_sidecar else None
            description = describe_model(model)
        options = OpenOptions(opening.code, opening.trust_model, shown.length)
        failed = _prove(model, options, description) if shown.load else None
    description["trusted"] = opening.trust_model
    reporter = choose_reporters(scripts.json)
    reporter.report(
        Result(description, lambda width: _format_page(description, width, shown.layers))
    )
    if written:
        reporter.report(Notice(f"wrote {to_printable(str(written))}"))
    if failed:
        print_error(failed)
        return get_exit_code(failed)
    return 0


def _prove(model: Path, options: OpenOptions, description: dict[str, Any]) -> InputgradError | None:
    """Add what the opened model shows to `description`; return the error if it cannot be used."""
    from inputgrad_cli.describe.model import describe_opened_model
    from inputgrad_cli.interfaces.engine import ProgressCallbacks

    try:
        with allow_interrupt("opening the model"):
            description["loaded"] = describe_opened_model(
                model, options, ProgressCallbacks(set_stage)
            )
    except (InputgradError, MemoryError) as error:
        failed = as_inputgrad_error(error)
        description["loaded"] = {"problem": failed.format_line()}
        return failed
    return None


def _format_page(description: dict[str, Any], width: int, all_layers: bool) -> str:
    title = to_printable(
        f"{description['path']}  {description['kind']} {description['name']!r}".removesuffix(" ''")
    )
    sections = _yield_sections(description, all_layers)
    lines = [line for section in sections for line in format_section(section, width)]
    return "\n".join([wrap_text(title, width), *lines])


def _yield_sections(description: dict[str, Any], all_layers: bool) -> Iterator[Section]:
    loaded = (
        description["loaded"]
        if description["loaded"] and "problem" not in description["loaded"]
        else {}
    )
    outputs = description["outputs"] or loaded.get("outputs")
    yield "", [["file", f"{description['size']} bytes, {_format_weights(description, loaded)}"]]
    yield "inputs", _list_specs(loaded.get("inputs", description["inputs"])) or NEEDS_LOAD
    yield "outputs", _list_specs(outputs, "activation") or NEEDS_LOAD
    if loaded:
        yield "proved by a forward pass", [_format_output(output) for output in loaded["outputs"]]
        length = [f"axes of any length were given {loaded['length']}"] * bool(loaded["length"])
        yield "notes", [[note] for note in [*length, *loaded["notes"].values()]]
    yield "saliency", list(_yield_settings(description))
    yield from _yield_requirements(description)
    yield "no gradient reaches", [[b["input"], b["reason"]] for b in loaded.get("blocks", ())]
    rows = loaded.get("layers") or description["layers"]
    if all_layers or not rows or len(rows) <= MAX_LISTED_LAYERS:
        yield "layers", _list_layers(rows) or (NO_LAYERS if loaded else NEEDS_LOAD)
    else:
        yield f"{len(rows)} layers (--layers lists them)", _count_layer_classes(rows)


def _format_weights(description: dict[str, Any], loaded: dict[str, Any]) -> str:
    writer = (
        f"Keras {description['keras_version']}"
        if description["keras_version"]
        else "an unknown Keras"
    )
    if weights := description["weights"] or loaded.get("weights"):
        return f"by {writer}, {weights['numbers']} numbers in {weights['arrays']} arrays"
    return f"by {writer}; --load counts its weights"


def _list_specs(
    rows: Sequence[dict[str, Any]] | None, last_column: str = "dtype"
) -> list[list[str]] | None:
    if rows is None:
        return None
    return [[row["name"], _format_shape(row["shape"]), row[last_column] or ""] for row in rows]


def _format_shape(shape: Sequence[int | None] | None) -> str:
    if shape is None:
        return "?"
    return (
        "("
        + ", ".join("any" if d is None else str(d) for d in shape)
        + _get_trailing_comma(shape)
        + ")"
    )


def _get_trailing_comma(shape: Sequence[int | None]) -> str:
    return "," if len(shape) == 1 else ""


def _format_output(output: dict[str, Any]) -> list[str]:
    if output["logits"]:
        text = f"{output['activation']}, logits found and proved"
    else:
        text = "no softmax or sigmoid: the output as it is"
    note = f" ({output['note']})" if output["note"] else ""
    return [output["name"], _format_shape(output["shape"]), text + note]


def _yield_settings(description: dict[str, Any]) -> Iterator[list[str]]:
    loaded = description["loaded"] or {}
    yield from _list_preprocessing(loaded.get("preprocess") or description["preprocess"])
    if description["labels"]:
        more = ", ..." if len(description["labels"]) > MAX_LISTED_LABELS else ""
        yield ["labels", ", ".join(description["labels"][:MAX_LISTED_LABELS]) + more]
    if description["sidecar"]:
        yield ["sidecar", description["sidecar"]]
    yield from _yield_cam_layers(loaded.get("cam_layers") or description["cam_layers"])


def _yield_cam_layers(rows: dict[str, dict[str, Any]]) -> Iterator[list[str]]:
    """Yield the layer that a class activation map would use: once, or per output if they differ."""
    layers = {(row["layer"], row["calls"]) for row in rows.values()}
    for output, row in rows.items():
        subject = f"a CAM of {output}" if len(layers) > 1 else "a CAM"
        yield [f"{subject} would use", row["layer"] + _format_calls(row)]
        if len(layers) == 1:
            return


def _format_calls(row: dict[str, Any]) -> str:
    """Return which inputs a layer sees; if it is called several times, for each of the calls."""
    from inputgrad_cli.modelfile.layer_names import describe_call_inputs

    name, calls, sees = row["layer"], row["calls"], row.get("sees", ())
    if calls == 1:
        return f", which sees {' and '.join(sees[0])}" if sees else ""
    seen = f"; {text}" if (text := describe_call_inputs(sees)) else ""
    return f", called {calls} times: choose layer={name}#0 to #{calls - 1}{seen}"


def _list_preprocessing(record: dict[str, Any] | None) -> list[list[str]]:
    """Return the rows on preprocessing: one, or one per input if they differ."""
    if not record:
        return []
    by_input = record.get("inputs", {"": record})
    rows = [
        [
            f"preprocessing {name}".strip(),
            f"{row['name']} ({row['source']})" if row["name"] else "unknown: use --load",
        ]
        for name, row in by_input.items()
    ]
    notes = dict.fromkeys(row["note"] for row in by_input.values() if "note" in row)
    return rows + [["", note] for note in notes]


def _yield_requirements(description: dict[str, Any]) -> Iterator[Section]:
    custom = [
        [c["name"], f"from {c['module']}" if c["module"] else ""] for c in description["custom"]
    ]
    yield "needs --code for", custom
    title = (
        "trusted by --trust-model" if description["trusted"] else "refused without --trust-model"
    )
    yield title, [[reason] for reason in description["unsafe"]]
    yield "cannot be used", [[description["problem"]]] if description["problem"] else []
    yield "a gradient does not pass", [[layer] for layer in description["blocks"]]


def _list_layers(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    return [[row["name"], row["class"], _format_shape(row["shape"])] for row in rows]


def _count_layer_classes(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return the number of layers of each class, the most frequent first."""
    counts = Counter(row["class"] for row in rows)
    return [[", ".join(f"{count} {kind}" for kind, count in counts.most_common())]]

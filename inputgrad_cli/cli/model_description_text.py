"""Formats what `inspect` shows of a model as a page of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from inputgrad_cli.cli.terminal_output import wrap_text
from inputgrad_cli.cli.text_layout import Section, format_section
from inputgrad_cli.option_choices import to_printable

if TYPE_CHECKING:  # these import what reads models, and --help imports this module
    from inputgrad_cli.data.signature import InputSpec, OutputSpec, Shape
    from inputgrad_cli.describe.model_description import (
        CamLayerUse,
        ModelDescription,
        OpenedModel,
        PreprocessChoices,
    )
    from inputgrad_cli.modelfile.model_summary import Layer

NO_LAYERS = [["the model shows none"]]
NEEDS_LOAD = [["only the opened model can tell: use --load"]]
MAX_LISTED_LABELS = 8
MAX_LISTED_LAYERS = 12  # without --layers, so that the page fits a screen of 24 lines


def format_model(description: ModelDescription, width: int, all_layers: bool) -> str:
    """Return the page for a terminal of this width; with `all_layers` it lists all layers."""
    title = to_printable(
        f"{description.path}  {description.kind} {description.name!r}".removesuffix(" ''")
    )
    sections = _yield_sections(description, all_layers)
    lines = [line for section in sections for line in format_section(section, width)]
    return "\n".join([wrap_text(title, width), *lines])


def _yield_sections(description: ModelDescription, all_layers: bool) -> Iterator[Section]:
    loaded = _get_opened(description)
    outputs = description.outputs or (loaded.outputs if loaded else None)
    yield "", [["file", f"{description.size} bytes, {_format_weights(description)}"]]
    yield "inputs", _list_inputs(loaded.inputs if loaded else description.inputs) or NEEDS_LOAD
    yield "outputs", _list_outputs(outputs) or NEEDS_LOAD
    if loaded:
        yield "proved by a forward pass", [_format_output(output) for output in loaded.outputs]
        length = [f"axes of any length were given {loaded.length}"] * bool(loaded.length)
        yield "notes", [[note] for note in [*length, *loaded.notes.values()]]
    yield "saliency", list(_yield_settings(description))
    yield from _yield_requirements(description)
    yield "no gradient reaches", [[b.input, b.reason] for b in loaded.blocks] if loaded else []
    rows = (loaded and loaded.layers) or description.layers
    if all_layers or not rows or len(rows) <= MAX_LISTED_LAYERS:
        yield "layers", _list_layers(rows) or (NO_LAYERS if loaded else NEEDS_LOAD)
    else:
        yield f"{len(rows)} layers (--layers lists them)", _count_layer_classes(rows)


def _get_opened(description: ModelDescription) -> OpenedModel | None:
    from inputgrad_cli.describe.model_description import OpenedModel

    return description.loaded if isinstance(description.loaded, OpenedModel) else None


def _format_weights(description: ModelDescription) -> str:
    loaded, version = _get_opened(description), description.keras_version
    writer = f"Keras {version}" if version else "an unknown Keras"
    if weights := description.weights or (loaded and loaded.weights):
        return f"by {writer}, {weights.numbers} numbers in {weights.arrays} arrays"
    return f"by {writer}; --load counts its weights"


def _list_inputs(specs: Sequence[InputSpec] | None) -> list[list[str]]:
    return [[spec.name, _format_shape(spec.shape), spec.dtype] for spec in specs or ()]


def _list_outputs(specs: Sequence[OutputSpec] | None) -> list[list[str]]:
    return [[spec.name, _format_shape(spec.shape), spec.activation or ""] for spec in specs or ()]


def _format_shape(shape: Shape | None) -> str:
    from inputgrad_cli.numeric.array_helpers import format_shape

    return "?" if shape is None else format_shape(shape, "any")


def _format_output(output: OutputSpec) -> list[str]:
    if output.logits_verified:
        text = f"{output.activation}, logits found and proved"
    else:
        text = "no softmax or sigmoid: the output as it is"
    note = f" ({output.note})" if output.note else ""
    return [output.name, _format_shape(output.shape), text + note]


def _yield_settings(description: ModelDescription) -> Iterator[list[str]]:
    loaded = _get_opened(description)
    preprocess = loaded.preprocess if loaded and loaded.preprocess.by_input else None
    yield from _list_preprocessing(preprocess or description.preprocess)
    if description.labels:
        more = ", ..." if len(description.labels) > MAX_LISTED_LABELS else ""
        yield ["labels", ", ".join(description.labels[:MAX_LISTED_LABELS]) + more]
    if description.sidecar:
        yield ["sidecar", description.sidecar]
    yield from _yield_cam_layers((loaded and loaded.cam_layers) or description.cam_layers)


def _yield_cam_layers(uses: Mapping[str, CamLayerUse]) -> Iterator[list[str]]:
    """Yield the layer that a class activation map would use: once, or per output if they differ."""
    layers = {(use.layer, use.calls) for use in uses.values()}
    for output, use in uses.items():
        subject = f"a CAM of {output}" if len(layers) > 1 else "a CAM"
        yield [f"{subject} would use", use.layer + _format_calls(use)]
        if len(layers) == 1:
            return


def _format_calls(use: CamLayerUse) -> str:
    """Return which inputs a layer sees; if it is called several times, for each of the calls."""
    from inputgrad_cli.modelfile.layer_names import describe_call_inputs

    name, calls, sees = use.layer, use.calls, use.sees or ()
    if calls == 1:
        return f", which sees {' and '.join(sees[0])}" if sees else ""
    seen = f"; {text}" if (text := describe_call_inputs(sees)) else ""
    return f", called {calls} times: choose layer={name}#0 to #{calls - 1}{seen}"


def _list_preprocessing(choices: PreprocessChoices) -> list[list[str]]:
    """Return the rows on preprocessing: one, or one per input if they differ."""
    if not choices.by_input:
        return []
    rows = [
        [
            f"preprocessing {name}".strip(),
            f"{choice.name} ({choice.source})" if choice.name else "unknown: use --load",
        ]
        for name, choice in choices.shown.items()
    ]
    notes = dict.fromkeys(choice.note for choice in choices.shown.values() if choice.note)
    return rows + [["", note] for note in notes]


def _yield_requirements(description: ModelDescription) -> Iterator[Section]:
    custom = [[c.name, f"from {c.module}" if c.module else ""] for c in description.custom]
    yield "needs --code for", custom
    title = "trusted by --trust-model" if description.trusted else "refused without --trust-model"
    yield title, [[reason] for reason in description.unsafe]
    yield "cannot be used", [[description.problem]] if description.problem else []
    yield "a gradient does not pass", [[layer] for layer in description.blocks]


def _list_layers(rows: Sequence[Layer]) -> list[list[str]]:
    return [[row.name, row.kind, _format_shape(row.shape)] for row in rows]


def _count_layer_classes(rows: Sequence[Layer]) -> list[list[str]]:
    """Return the number of layers of each class, the most frequent first."""
    counts = Counter(row.kind for row in rows)
    return [[", ".join(f"{count} {kind}" for kind, count in counts.most_common())]]

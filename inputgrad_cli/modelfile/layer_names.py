"""Lists the layers that an archive names and how often each is called, and finds one by name.

Some layers hold others that the archive does not list; only the opened model shows those.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inputgrad_cli.data.signature import Shape
from inputgrad_cli.errors import UsageError
from inputgrad_cli.expression_parser import parse_whole_number
from inputgrad_cli.modelfile.allowed_config_names import LAYERS, MODELS
from inputgrad_cli.modelfile.config_errors import convert_config_errors
from inputgrad_cli.modelfile.config_object_traversal import (
    get_module,
    get_name,
    get_setting,
    list_layers,
)
from inputgrad_cli.modelfile.inferred_layer_shapes import infer_output_shapes
from inputgrad_cli.modelfile.layer_graph import list_ends
from inputgrad_cli.modelfile.layer_shape_rules import LAYER_MODULES
from inputgrad_cli.option_choices import LAYER
from inputgrad_cli.spelling_suggestions import format_advice, suggest

MAX_LISTED = 8  # names in one message
OPERATION_MODULE = "keras.src.ops"
# The layers that Keras creates inside its own layers; a number may follow each name.
ATTENTION_LAYERS = ("query", "key", "value", "softmax", "dropout", "attention_output")
INNER_LAYERS = {
    "LSTM": ("lstm_cell",),
    "GRU": ("gru_cell",),
    "SimpleRNN": ("simple_rnn_cell",),
    "ConvLSTM1D": ("conv_lstm_cell",),
    "ConvLSTM2D": ("conv_lstm_cell",),
    "ConvLSTM3D": ("conv_lstm_cell",),
    "MultiHeadAttention": ATTENTION_LAYERS,
    "GroupQueryAttention": ATTENTION_LAYERS,
    "TextVectorization": ("string_lookup",),
}
# Layers that hold any layer that they were given, or many of their own.
CONTAINERS = {
    "Bidirectional", "TimeDistributed", "SpectralNormalization", "Wrapper", "RNN", "Pipeline",
    "StackedRNNCells", "RandAugment", "AugMix", "Layer",
}  # fmt: skip


@dataclass(frozen=True)
class LayerEntry:
    """A layer as written: path `outer/inner`, class, number of calls, shape of the first output."""

    path: str
    kind: str
    calls: int
    shape: Shape | None


@dataclass(frozen=True)
class LayerNames:
    """The layers that the archive lists, and the names of the layers that it does not list.

    `inner_names` holds the unlisted names without their final numbers, or None if any name is
    possible.
    `has_several_inputs` says that calls of one layer may see different inputs of the model.
    """

    entries: tuple[LayerEntry, ...]
    inner_names: frozenset[str] | None
    has_several_inputs: bool = False

    def find(self, name: str) -> LayerEntry | None:
        """Return the layer that `layer:NAME` names, None if the archive does not show it.

        Raises UsageError if the model certainly lacks the layer or never calls it, or if it calls
        the layer more than once and the index `#N` of the call is missing or too large.
        """
        path, index = split_layer_name(name)
        exact = [entry for entry in self.entries if entry.path == path]
        matches = exact or [entry for entry in self.entries if entry.path.endswith("/" + path)]
        if not matches:
            if self.inner_names is not None and _strip_number(path) not in self.inner_names:
                raise make_unknown_layer_error(name, [entry.path for entry in self.entries])
            return None
        if len(matches) > 1:
            return None  # perhaps one layer that is listed several times
        (entry,) = matches
        if entry.kind == "InputLayer":
            raise make_never_called_error(name, entry.path)
        if entry.calls > 1 and (index is None or index >= entry.calls):
            raise make_call_index_error(name, entry.calls, None if self.has_several_inputs else ())
        if entry.calls == 1 and index:
            raise make_call_index_error(name, 1)
        return entry


@convert_config_errors
def read_layer_names(config: Mapping[str, Any]) -> LayerNames:
    """Return the layers of a model; a subclassed model lists none."""
    if not list_layers(config):
        return LayerNames((), None)
    inner_names: set[str] = set()
    has_several_inputs = len(list_ends(config, "input_layers")) > 1
    for node in _walk_listed(config):
        names = _find_inner_names(node)
        if names is None:
            return LayerNames(tuple(_walk_entries(config, "", 1)), None, has_several_inputs)
        inner_names.update(names)
    return LayerNames(
        tuple(_walk_entries(config, "", 1)), frozenset(inner_names), has_several_inputs
    )


def split_layer_name(name: str) -> tuple[str, int | None]:
    """Return the path and the call index N (or None) of `layer:NAME` or `layer:NAME#N`."""
    written = name.removeprefix(LAYER)
    path, mark, digits = written.rpartition("#")
    index = parse_whole_number(digits) if mark else None
    return (written, None) if index is None else (path, index)


def make_unknown_layer_error(name: str, known: Sequence[str]) -> UsageError:
    """Return the error for a layer that the model lacks, with similar names or the first few."""
    path, _ = split_layer_name(name)
    near = suggest(path, known) or suggest(path.rpartition("/")[2], known)
    shown = ", ".join(known[:MAX_LISTED]) + (", and so on" if len(known) > MAX_LISTED else "")
    listing = "`inputgrad inspect` lists all" if near else f"it has {len(known)}: {shown}"
    message = f"{LAYER}{name.removeprefix(LAYER)}: the model has no such layer"
    return UsageError(message, hint=format_advice(near, listing))


def make_call_index_error(
    name: str, calls: int, inputs: Sequence[Collection[str]] | None = None
) -> UsageError:
    """Return the error for a call index that is missing or too large.

    `inputs` are the inputs that each call sees, or None if only the opened model shows them.
    """
    path, index = split_layer_name(name)
    words = [f"{LAYER}{path}#{call}" for call in range(calls)]
    times = "once" if calls == 1 else f"{calls} times"
    message = f"{LAYER}{name.removeprefix(LAYER)}: this layer is called {times}"
    if calls == 1 and index is not None:
        return UsageError(message, hint=f"write {LAYER}{path}")
    listed = ", ".join(words) if calls <= MAX_LISTED else f"{words[0]} to {words[-1]}"
    hint = "`inputgrad inspect --load` tells which input each sees"
    inputs_seen = hint if inputs is None else describe_call_inputs(inputs)
    return UsageError(message, hint=f"say {listed}" + (f"; {inputs_seen}" if inputs_seen else ""))


def describe_call_inputs(inputs: Sequence[Collection[str]]) -> str:
    """Return in words which inputs each call sees, or an empty text if all see the same."""
    if len({*map(frozenset, inputs)}) < 2:
        return ""
    seen = [" and ".join(sorted(names)) or "no input" for names in inputs]
    return ", ".join(f"#{call} sees {names}" for call, names in enumerate(seen))


def make_never_called_error(name: str, input_name: str = "") -> UsageError:
    """Return the error for a layer that is never called; `input_name` is set for an input layer."""
    hint = f"an input goes by its name alone: {input_name}" if input_name else ""
    return UsageError(f"{name}: the model never calls this layer", hint=hint)


def _walk_entries(config: Mapping[str, Any], prefix: str, times: int) -> Iterator[LayerEntry]:
    nodes = list_layers(config)
    shapes = infer_output_shapes(config) if nodes else {}
    is_sequential = "input_layers" not in config["config"]
    for node in nodes:
        if (get_module(node) or "").startswith(OPERATION_MODULE):
            continue  # an operation is not a layer and cannot be targeted
        name, calls = get_name(node), node.get("inbound_nodes")
        count = times * (
            len(calls) if isinstance(calls, list) and calls and not is_sequential else 1
        )
        yield LayerEntry(prefix + name, str(node.get("class_name")), count, shapes.get(name))
        yield from _walk_entries(node, f"{prefix}{name}/", count)


def _walk_listed(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a model and every layer that it lists, at any depth."""
    yield config
    for node in list_layers(config):
        yield from _walk_listed(node)


def _find_inner_names(node: Mapping[str, Any]) -> Iterable[str] | None:
    """Return the names of the unlisted layers inside a layer, or None if any name is possible."""
    kind, module = str(node.get("class_name")), get_module(node)
    if list_layers(node):
        return () if kind in MODELS and (module or "keras").startswith("keras") else None
    if module is not None and module.startswith(OPERATION_MODULE):
        return ()
    if kind not in LAYERS or not (module is None or module.startswith(LAYER_MODULES)):
        return None
    if kind in ("Bidirectional", "TimeDistributed"):
        inner = get_setting(node, "layer")
        if not isinstance(inner, Mapping) or list_layers(inner):
            return None
        if (names := _find_inner_names(inner)) is None:
            return None
        name = get_name(inner)
        base = name.removeprefix("forward_")  # Bidirectional renames its inner layer
        return {*names, *map(_strip_number, (name, f"forward_{base}", f"backward_{base}"))}
    return None if kind in CONTAINERS else INNER_LAYERS.get(kind, ())


def _strip_number(path: str) -> str:
    """Return the last name of a path without the number that Keras appends to make it unique."""
    return re.sub(r"_\d+$", "", path.rpartition("/")[2])

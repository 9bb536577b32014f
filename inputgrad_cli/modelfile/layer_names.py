"""Which layers a model has and how often it calls them, by the archive; and who is not among them.

Some layers hold others that the archive does not list: then only the opened model can tell.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inputgrad_cli.choices import LAYER
from inputgrad_cli.data.signature import Shape
from inputgrad_cli.errors import UsageError
from inputgrad_cli.modelfile.allow_list import LAYERS, MODELS
from inputgrad_cli.modelfile.config_errors import reads_config
from inputgrad_cli.modelfile.config_nodes import layers, module_of, name_of, setting
from inputgrad_cli.modelfile.graph import ends
from inputgrad_cli.modelfile.layer_shapes import output_shapes
from inputgrad_cli.modelfile.shape_rules import HOMES
from inputgrad_cli.suggest import advice, suggest

LISTED = 8
OPERATIONS = "keras.src.ops"
# The layers that Keras makes inside its own; numbers at their ends vary.
ATTENTION = ("query", "key", "value", "softmax", "dropout", "attention_output")
INNER = {
    "LSTM": ("lstm_cell",),
    "GRU": ("gru_cell",),
    "SimpleRNN": ("simple_rnn_cell",),
    "ConvLSTM1D": ("conv_lstm_cell",),
    "ConvLSTM2D": ("conv_lstm_cell",),
    "ConvLSTM3D": ("conv_lstm_cell",),
    "MultiHeadAttention": ATTENTION,
    "GroupQueryAttention": ATTENTION,
    "TextVectorization": ("string_lookup",),
}
# Those that hold whatever they were given, or many of their own.
HOLDERS = {
    "Bidirectional", "TimeDistributed", "SpectralNormalization", "Wrapper", "RNN", "Pipeline",
    "StackedRNNCells", "RandAugment", "AugMix", "Layer",
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A layer as written: its path `outer/inner`, how often it is called, what the first gives."""

    path: str
    kind: str
    calls: int
    shape: Shape | None


@dataclass(frozen=True)
class LayerNames:
    """The layers that the archive lists; `inner` are words in the names of those it does not.

    `inner` is None where there may be any others. `several` says that the model has inputs of
    which a call of a layer may see one or another.
    """

    places: tuple[Place, ...]
    inner: frozenset[str] | None
    several: bool = False

    def find(self, name: str) -> Place | None:
        """Return the layer that `layer:NAME` names, None where the archive cannot tell.

        Raises UsageError where the model certainly lacks it, or has several, or calls it more than
        once and the number `#N` of the call is not said, or is none.
        """
        path, number = split(name)
        exact = [place for place in self.places if place.path == path]
        found = exact or [place for place in self.places if place.path.endswith("/" + path)]
        if not found:
            if self.inner is not None and _stem(path) not in self.inner:
                raise no_layer(name, [place.path for place in self.places])
            return None
        if len(found) > 1:
            return None  # perhaps one layer at several places
        (place,) = found
        if place.kind == "InputLayer":
            raise never_called(name, place.path)
        if place.calls > 1 and (number is None or number >= place.calls):
            raise called_often(name, place.calls, None if self.several else ())
        if place.calls == 1 and number:
            raise called_often(name, 1)
        return place


@reads_config
def layer_names(config: Mapping[str, Any]) -> LayerNames:
    """Return the layers of a model of any form; a subclassed model lists none."""
    if not layers(config):
        return LayerNames((), None)
    words: set[str] = set()
    several = len(ends(config, "input_layers")) > 1
    for node in _listed(config):
        held = _held(node)
        if held is None:
            return LayerNames(tuple(_walk(config, "", 1)), None, several)
        words.update(held)
    return LayerNames(tuple(_walk(config, "", 1)), frozenset(words), several)


def split(name: str) -> tuple[str, int | None]:
    """Return the path that `layer:NAME` or `layer:NAME#N` names, and N."""
    written = name.removeprefix(LAYER)
    path, mark, number = written.rpartition("#")
    return (path, int(number)) if mark and number.isdigit() else (written, None)


def no_layer(name: str, known: Sequence[str]) -> UsageError:
    """Return the error for a layer that a model lacks: those near it, else the first few."""
    path, _ = split(name)
    near = suggest(path, known) or suggest(path.rpartition("/")[2], known)
    shown = ", ".join(known[:LISTED]) + (", and so on" if len(known) > LISTED else "")
    listing = "`inputgrad inspect` lists all" if near else f"it has {len(known)}: {shown}"
    what = f"{LAYER}{name.removeprefix(LAYER)}: the model has no such layer"
    return UsageError(what, mend=advice(near, listing))


def called_often(
    name: str, calls: int, inputs: Sequence[Collection[str]] | None = None
) -> UsageError:
    """Return the error for a layer whose call is not said, or is none of its calls.

    `inputs` are those that each call sees; None where only the opened model could tell.
    """
    path, number = split(name)
    words = [f"{LAYER}{path}#{call}" for call in range(calls)]
    times = "once" if calls == 1 else f"{calls} times"
    what = f"{LAYER}{name.removeprefix(LAYER)}: this layer is called {times}"
    if calls == 1 and number is not None:
        return UsageError(what, mend=f"write {LAYER}{path}")
    listed = ", ".join(words) if calls <= LISTED else f"{words[0]} to {words[-1]}"
    look = "`inputgrad inspect --load` tells which input each sees"
    seen = look if inputs is None else sights(inputs)
    return UsageError(what, mend=f"say {listed}" + (f"; {seen}" if seen else ""))


def sights(inputs: Sequence[Collection[str]]) -> str:
    """Return in words which inputs each call of a layer sees, nothing where all see the same."""
    if len({*map(frozenset, inputs)}) < 2:
        return ""
    seen = [" and ".join(sorted(names)) or "no input" for names in inputs]
    return ", ".join(f"#{call} sees {names}" for call, names in enumerate(seen))


def never_called(name: str, port: str = "") -> UsageError:
    """Return the error for a layer that gives nothing of its own: `port` is an input's name."""
    mend = f"an input goes by its name alone: {port}" if port else ""
    return UsageError(f"{name}: the model never calls this layer", mend=mend)


def _walk(config: Mapping[str, Any], prefix: str, times: int) -> Iterator[Place]:
    nodes = layers(config)
    shapes = output_shapes(config) if nodes else {}
    chained = "input_layers" not in config["config"]
    for node in nodes:
        if (module_of(node) or "").startswith(OPERATIONS):
            continue  # an operation is no layer, and cannot be named
        name, calls = name_of(node), node.get("inbound_nodes")
        count = times * (len(calls) if isinstance(calls, list) and calls and not chained else 1)
        yield Place(prefix + name, str(node.get("class_name")), count, shapes.get(name))
        yield from _walk(node, f"{prefix}{name}/", count)


def _listed(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a model and every layer that it lists, at any depth."""
    yield config
    for node in layers(config):
        yield from _listed(node)


def _held(node: Mapping[str, Any]) -> Iterable[str] | None:
    """Return words of the names of the layers that one holds unlisted; None: any."""
    kind, home = str(node.get("class_name")), module_of(node)
    if layers(node):
        return () if kind in MODELS and (home or "keras").startswith("keras") else None
    if home is not None and home.startswith(OPERATIONS):
        return ()
    if kind not in LAYERS or not (home is None or home.startswith(HOMES)):
        return None
    if kind in ("Bidirectional", "TimeDistributed"):
        inner = setting(node, "layer")
        held = _held(inner) if isinstance(inner, Mapping) and not layers(inner) else None
        if held is None:
            return None
        name = name_of(inner)
        own = name.removeprefix("forward_")  # Bidirectional renames what it was given
        return {*held, *map(_stem, (name, f"forward_{own}", f"backward_{own}"))}
    return None if kind in HOLDERS else INNER.get(kind, ())


def _stem(path: str) -> str:
    """Return the last name of a path without the number that keeps it apart from its like."""
    return re.sub(r"_\d+$", "", path.rpartition("/")[2])

"""Which preprocessing a model's pictures need, as far as its archive tells.

`raw` where something but augmentation, cropping, resizing or padding stands between the input and
the first layer with weights (or the known backbone); else the backbone's own; else unknown. The
graph is followed along every way from the input, through models within the model.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inputgrad_cli.data.preprocessing import Line, Preprocess, known
from inputgrad_cli.modelfile.config_errors import reads_config
from inputgrad_cli.modelfile.config_nodes import layers, name_of, setting
from inputgrad_cli.modelfile.graph import Call, Graph, Tensor, ends, graph_of
from inputgrad_cli.modelfile.pixels.layer_effects import Effect, effect_of, inner_models
from inputgrad_cli.modelfile.pixels.pixel_range import (
    Sight,
    assumed,
    family_of,
    made_for_unit,
    normalized,
    untold,
    unwritten,
)

UNTOUCHED = Line()
Numbers = Callable[[str], list[list[float]]]


@dataclass(frozen=True)
class Way:
    """What happened to pixels so far: how they were scaled, and the layer that began it.

    `line` is None where that is too much for one line. `is_for_unit` says that after one of the
    layers pixels were as only those of 0..1 can be meant to be.
    """

    line: Line | None = UNTOUCHED
    by: str = ""
    path: str = ""
    is_for_unit: bool = False

    def through(self, effect: Effect, name: str, path: str) -> Way:
        """Return the way behind a layer of that effect."""
        if effect.kind == "keeps":
            return self
        line = self.line.then(effect.line) if self.line and effect.line else None
        is_for_unit = self.is_for_unit or bool(line and line.is_for_unit)
        return Way(line, self.by or name, self.path or path, is_for_unit)


@dataclass(frozen=True, eq=False)
class Scope:
    """One call of a model within the model; of the outermost, `call` and `outer` are None."""

    config: Mapping[str, Any]
    graph: Graph
    numbers: Numbers
    call: Call | None = None
    outer: Scope | None = None

    @property
    def models(self) -> list[Mapping[str, Any]]:
        """Return the models that this one is in, itself first."""
        return [self.config, *(self.outer.models if self.outer else ())]

    def learned(self, node: Mapping[str, Any]) -> list[list[float]]:
        """Return the numbers that the file holds for a layer of this model, where they are few.

        Keras names weights by the class, and counts the layers of one class.
        """
        if node.get("class_name") not in ("BatchNormalization", "Normalization"):
            return []
        return self.numbers(self._place(node))

    def _place(self, node: Mapping[str, Any]) -> str:
        kind = node.get("class_name")
        alike = [one for one in layers(self.config) if one.get("class_name") == kind]
        number = next((n for n, one in enumerate(alike) if one is node), 0)
        name = re.sub("([a-z])([A-Z])", r"\1_\2", str(kind)).lower()
        around = f"{self.outer._place(self.config)}/" if self.outer else ""
        return f"{around}layers/{name}{f'_{number}' if number else ''}"

    def path(self, node: Mapping[str, Any]) -> str:
        """Return a layer in words, as `'outer/name' (Class)`."""
        names = [name_of(model) for model in self.models[-2::-1]]
        return f"{'/'.join([*names, name_of(node)])!r} ({node.get('class_name')})"


@reads_config
def find_preprocessing(
    config: Mapping[str, Any], numbers: Numbers = lambda layer: []
) -> dict[str, Sight]:
    """Return what the archive tells of each input, by name; a Sequential's only one is ''.

    `numbers` gives those that the file holds for a layer, by its path among the weights.
    """
    inputs = ends(config, "input_layers")
    if not layers(config) or not (inputs or "input_layers" not in config["config"]):
        looked = f"what {name_of(config)!r} ({config.get('class_name')}) does to pixels"
        return {"": assumed(unwritten(looked), opaque=True)}
    scope = Scope(config, graph_of(config), numbers)
    if not inputs:
        return {"": Walk().seen(scope, scope.graph.inputs)}
    every = Walk()
    every.seen(scope, scope.graph.inputs)
    return {
        label or tensor[0]: Walk(every.scopes, frozenset(every.ways)).seen(scope, [tensor])
        for label, tensor in inputs
    }


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def _family(models: Sequence[Mapping[str, Any]]) -> Preprocess | None:
    """Return what the innermost known backbone needs."""
    names = [(name_of(model), map(name_of, layers(model))) for model in models]
    return next(filter(None, (family_of(name, inner) for name, inner in names)), None)


Place = tuple[Scope, Tensor]


@dataclass(eq=False)
class Walk:
    """A walk along every way from an input on which no layer with weights stands.

    `scopes` are the calls of inner models, the same for all walks; `free` are the tensors that
    any input reaches so.
    """

    scopes: dict[tuple[Scope, tuple[str, int]], Scope] = field(default_factory=dict)
    free: frozenset[Place] = frozenset()
    ways: dict[Place, Way] = field(default_factory=dict)
    _queue: deque[Place] = field(default_factory=deque)
    _mixed: list[tuple[Scope, Call, Way]] = field(default_factory=list)
    _scaled: list[Way] = field(default_factory=list)
    _plain: list[tuple[str, Preprocess | None, list[list[float]]]] = field(default_factory=list)
    _opaque: list[str] = field(default_factory=list)

    def seen(self, scope: Scope, starts: Sequence[Tensor]) -> Sight:
        """Return what was seen on all ways from these tensors."""
        for start in starts:
            self._arrive(scope, start, Way())
        while self._queue:
            self._follow(*self._queue.popleft())
            if not self._queue:
                self._follow_mixed()
        return self._verdict()

    def _arrive(self, scope: Scope, tensor: Tensor, way: Way) -> None:
        if (scope, tensor) not in self.ways:
            self.ways[scope, tensor] = way
            self._queue.append((scope, tensor))

    def _follow(self, scope: Scope, tensor: Tensor) -> None:
        way = self.ways[scope, tensor]
        for call in scope.graph.calls.get(tensor, ()):
            self._pass(scope, call, tensor, way)
        for number, output in enumerate(scope.graph.outputs):
            if output != tensor:
                continue
            if scope.outer and scope.call:
                self._arrive(scope.outer, scope.call.output(number), way)
            elif way.by:  # a model without weights ends here, and has scaled all the same
                self._scaled.append(way)

    def _follow_mixed(self) -> None:
        """Go on where pixels were mixed with those of other inputs, which scales neither."""
        for scope, call, way in self._mixed:
            if all((scope, tensor) in self.free for tensor in call.tensors):
                self._arrive(scope, call.output(), way)
        self._mixed.clear()

    def _pass(self, scope: Scope, call: Call, tensor: Tensor, way: Way) -> None:
        node = call.node
        while node.get("class_name") == "TimeDistributed":
            node = setting(node, "layer")
        if inner_models(node):
            inner = self._inside(scope, call, node)
            for taken, start in zip(call.tensors, inner.graph.inputs, strict=False):
                if taken == tensor:
                    self._arrive(inner, start, way)
            return
        learned = scope.learned(node)
        effect, path = effect_of(node, call, learned), scope.path(node)
        if effect.kind == "scales" and any((scope, t) not in self.ways for t in call.tensors):
            self._mixed.append((scope, call, way))
        elif effect.kind in ("keeps", "scales"):
            onward = way.through(effect, str(node["class_name"]), path)
            self._arrive(scope, call.output(), onward)
        elif way.by:
            self._scaled.append(way)
        elif effect.kind == "opaque":
            self._opaque.append(path)
        else:
            self._plain.append((path, _family(scope.models), learned))

    def _inside(self, scope: Scope, call: Call, node: Mapping[str, Any]) -> Scope:
        key = (scope, call.result)
        if key not in self.scopes:
            self.scopes[key] = Scope(node, graph_of(node), scope.numbers, call, scope)
        return self.scopes[key]

    def _verdict(self) -> Sight:
        """Return the choice; where ways differ, one that scales counts for more than the others."""
        if others := [way for way in self._scaled if not way.is_for_unit]:
            return Sight(known("raw", f"model:{others[0].by}"))
        if self._scaled:
            return assumed(made_for_unit(self._scaled[0].path))
        if self._opaque:
            return assumed(unwritten(f"what {self._opaque[0]} does to pixels"), opaque=True)
        families = {family for _, family, _ in self._plain if family}
        if len(families) == 1:
            return Sight(families.pop())
        if not self._plain:
            return assumed(untold("no layer with weights takes them"))
        path, family, learned = self._plain[0]
        if len(learned) > 1 and (sight := normalized(path, *map(_mean, learned[-2:]))):
            return sight
        looked = "its backbones differ" if family else f"{path} takes them as they come"
        return assumed(untold(looked))

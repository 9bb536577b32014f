"""Which preprocessing a model's pictures need, as far as its archive tells.

`raw` where something but augmentation, cropping, resizing or padding stands between the input and
the first layer with weights (or the known backbone); else the backbone's own; else unknown. The
graph is followed along every way from the input, through models within the model.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inputgrad_cli.modelfile.effects import Effect, effect_of, inner_models
from inputgrad_cli.modelfile.graph import Call, Graph, Tensor, ends, graph_of
from inputgrad_cli.modelfile.malformed import reads_config
from inputgrad_cli.modelfile.nodes import layers, name_of, setting
from inputgrad_cli.preprocess import ASSUMED, Line, Preprocess, known

# The names that keras.applications gives its models, and a layer that each of them has: somebody's
# own network may be called resnet, but hardly so and with such a layer.
FAMILIES = (
    (r"mobilenet(v2)?_[\d.]+_(\d+|None)|MobileNetV3(Small|Large)", "tf"),
    (r"inception_v3|inception_resnet_v2|xception|NASNet|resnet(50|101|152)v2", "tf"),
    (r"resnet(50|101|152)|vgg1[69]", "caffe"),
    (r"densenet(121|169|201)", "torch"),
)
MARKS = {
    "conv1", "Conv1", "conv1_pad", "conv1_conv", "block1_conv1", "mixed0", "conv_7b", "stem_conv1",
    "expanded_conv_depthwise",
}  # fmt: skip


@dataclass(frozen=True)
class Sight:
    """What was seen on the way of pixels to the first weights.

    `doubt` says in words why the choice is an assumption, and names the layer that was looked at.
    `opaque` says that a layer could tell by computing, once the model is open.
    """

    preprocess: Preprocess
    doubt: str = ""
    opaque: bool = False


def assumed(doubt: str, opaque: bool = False) -> Sight:
    """Return the sight of a model that does not tell: pixels 0..1, for the reason in `doubt`."""
    return Sight(known("unit", ASSUMED), doubt, opaque)


def untold(looked: str) -> str:
    """Return the doubt where a layer was looked at that takes pixels as they come."""
    return f"nothing in the model tells how it takes pixels: {looked}; 0..1 is assumed"


def unwritten(looked: str) -> str:
    """Return the doubt where only the opened model can tell what a layer does."""
    return f"{looked} is not written in the file; the opened model tells"


def made_for_unit(looked: str) -> str:
    """Return the doubt where a layer scales pixels as those of 0..1 need it."""
    return f"{looked} scales pixels as those of 0..1 need it, so 0..1 is assumed"


UNTOUCHED = Line()


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
    call: Call | None = None
    outer: Scope | None = None

    @property
    def models(self) -> list[Mapping[str, Any]]:
        """Return the models that this one is in, itself first."""
        return [self.config, *(self.outer.models if self.outer else ())]

    def path(self, node: Mapping[str, Any]) -> str:
        """Return a layer in words, as `'outer/name' (Class)`."""
        names = [name_of(model) for model in self.models[-2::-1]]
        return f"{'/'.join([*names, name_of(node)])!r} ({node.get('class_name')})"


@reads_config
def find_preprocessing(config: Mapping[str, Any]) -> dict[str, Sight]:
    """Return what the archive tells of each input, by name; a Sequential's only one is ''."""
    inputs = ends(config, "input_layers")
    if not layers(config) or not (inputs or "input_layers" not in config["config"]):
        looked = f"what {name_of(config)!r} ({config.get('class_name')}) does to pixels"
        return {"": assumed(unwritten(looked), opaque=True)}
    scope = Scope(config, graph_of(config))
    if not inputs:
        return {"": Walk().seen(scope, scope.graph.inputs)}
    every = Walk()
    every.seen(scope, scope.graph.inputs)
    return {
        label or tensor[0]: Walk(every.scopes, frozenset(every.ways)).seen(scope, [tensor])
        for label, tensor in inputs
    }


def family_of(name: str, inner: Iterable[str]) -> Preprocess | None:
    """Return what a backbone of keras.applications needs, by its name and those of its layers."""
    if MARKS.isdisjoint(inner):
        return None
    for pattern, choice in FAMILIES:
        if re.fullmatch(pattern, name):
            return known(choice, f"backbone:{name}")
    return None


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
    _plain: list[tuple[str, Preprocess | None]] = field(default_factory=list)
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
            if output == tensor and scope.outer and scope.call:
                self._arrive(scope.outer, scope.call.output(number), way)

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
        effect, path = effect_of(node, call), scope.path(node)
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
            self._plain.append((path, _family(scope.models)))

    def _inside(self, scope: Scope, call: Call, node: Mapping[str, Any]) -> Scope:
        key = (scope, call.result)
        if key not in self.scopes:
            self.scopes[key] = Scope(node, graph_of(node), call, scope)
        return self.scopes[key]

    def _verdict(self) -> Sight:
        """Return the choice; where ways differ, one that scales counts for more than the others."""
        if others := [way for way in self._scaled if not way.is_for_unit]:
            return Sight(known("raw", f"model:{others[0].by}"))
        if self._scaled:
            return assumed(made_for_unit(self._scaled[0].path))
        if self._opaque:
            return assumed(unwritten(f"what {self._opaque[0]} does to pixels"), opaque=True)
        families = {family for _, family in self._plain if family}
        if len(families) == 1:
            return Sight(families.pop())
        if not self._plain:
            return assumed(untold("no layer with weights takes them"))
        path, family = self._plain[0]
        looked = "its backbones differ" if family else f"{path} takes them as they come"
        return assumed(untold(looked))

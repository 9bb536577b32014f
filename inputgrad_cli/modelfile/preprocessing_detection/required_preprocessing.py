"""Finds which preprocessing a model's pictures need, from its archive alone.

It is `raw` if a layer other than augmentation, cropping, resizing or padding stands between the
input and the first layer with weights (or a known backbone); else that of the backbone; else
unknown. The graph is followed along every path from the input, through inner models too.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inputgrad_cli.data.preprocessing import LinearMap, Preprocess, get_preset
from inputgrad_cli.modelfile.config_errors import convert_config_errors
from inputgrad_cli.modelfile.config_object_traversal import get_name, get_setting, list_layers
from inputgrad_cli.modelfile.layer_graph import Call, Graph, Tensor, build_graph, list_ends
from inputgrad_cli.modelfile.preprocessing_detection.layer_effects import (
    Effect,
    find_effect,
    list_inner_layers,
)
from inputgrad_cli.modelfile.preprocessing_detection.pixel_range import (
    PreprocessingGuess,
    assume_unit,
    describe_no_evidence,
    describe_opaque_layer,
    describe_unit_scaling,
    find_family,
    guess_from_statistics,
)

UNTOUCHED = LinearMap()
ValueReader = Callable[[str], list[list[float]]]


@dataclass(frozen=True)
class PixelHistory:
    """What happened to pixels so far: how they were scaled, and the first layer that did it.

    `linear_map` is None if the scaling is not one linear map. `is_for_unit` says that after one of
    the layers the values are in a range that only pixels 0..1 would reach.
    """

    linear_map: LinearMap | None = UNTOUCHED
    layer_class: str = ""
    layer_path: str = ""
    is_for_unit: bool = False

    def apply_effect(self, effect: Effect, name: str, path: str) -> PixelHistory:
        """Return the history after a layer with this effect."""
        if effect.kind == "keeps":
            return self
        linear_map = (
            self.linear_map.combine(effect.linear_map)
            if self.linear_map and effect.linear_map
            else None
        )
        is_for_unit = self.is_for_unit or bool(linear_map and linear_map.expects_unit_range)
        return PixelHistory(
            linear_map, self.layer_class or name, self.layer_path or path, is_for_unit
        )


@dataclass(frozen=True, eq=False)
class Scope:
    """One call of an inner model; for the outermost model, `call` and `outer` are None."""

    config: Mapping[str, Any]
    graph: Graph
    read_values: ValueReader
    call: Call | None = None
    outer: Scope | None = None

    @property
    def models(self) -> list[Mapping[str, Any]]:
        """Return this model and the models around it, innermost first."""
        return [self.config, *(self.outer.models if self.outer else ())]

    def read_statistics(self, node: Mapping[str, Any]) -> list[list[float]]:
        """Return the values that the file holds for a normalization layer, if they are few.

        Keras names the weights of a layer by its class and numbers the layers of each class.
        """
        if node.get("class_name") not in ("BatchNormalization", "Normalization"):
            return []
        return self.read_values(self._find_weight_path(node))

    def _find_weight_path(self, node: Mapping[str, Any]) -> str:
        kind = node.get("class_name")
        same_class = [
            layer for layer in list_layers(self.config) if layer.get("class_name") == kind
        ]
        index = next((i for i, layer in enumerate(same_class) if layer is node), 0)
        name = re.sub("([a-z])([A-Z])", r"\1_\2", str(kind)).lower()
        prefix = f"{self.outer._find_weight_path(self.config)}/" if self.outer else ""
        return f"{prefix}layers/{name}{f'_{index}' if index else ''}"

    def describe_layer(self, node: Mapping[str, Any]) -> str:
        """Return a layer's path and class as `'outer/name' (Class)`."""
        names = [get_name(model) for model in self.models[-2::-1]]
        return f"{'/'.join([*names, get_name(node)])!r} ({node.get('class_name')})"


@convert_config_errors
def find_preprocessing(
    config: Mapping[str, Any], read_values: ValueReader = lambda layer: []
) -> dict[str, PreprocessingGuess]:
    """Return the guess for each input by name; the only input of a Sequential model is ''.

    `read_values` returns the arrays of a layer, by its path among the weights of the file.
    """
    inputs = list_ends(config, "input_layers")
    if not list_layers(config) or not (inputs or "input_layers" not in config["config"]):
        evidence = f"what {get_name(config)!r} ({config.get('class_name')}) does to pixels"
        return {"": assume_unit(describe_opaque_layer(evidence), opaque=True)}
    scope = Scope(config, build_graph(config), read_values)
    if not inputs:
        return {"": PreprocessingSearch().search(scope, scope.graph.inputs)}
    from_all_inputs = PreprocessingSearch()
    from_all_inputs.search(scope, scope.graph.inputs)
    return {
        label or tensor[0]: PreprocessingSearch(
            from_all_inputs.scopes, frozenset(from_all_inputs.histories)
        ).search(scope, [tensor])
        for label, tensor in inputs
    }


def _compute_mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def _find_backbone_family(models: Sequence[Mapping[str, Any]]) -> Preprocess | None:
    """Return the preprocessing of the innermost known backbone, None if there is none."""
    names = [(get_name(model), map(get_name, list_layers(model))) for model in models]
    return next(filter(None, (find_family(name, inner) for name, inner in names)), None)


Position = tuple[Scope, Tensor]


@dataclass(eq=False)
class PreprocessingSearch:
    """A search along every path from an input up to the first layers with weights.

    `scopes` are the calls of inner models, shared by all searches. `reachable` are the tensors that
    a search from all inputs reaches.
    """

    scopes: dict[tuple[Scope, tuple[str, int]], Scope] = field(default_factory=dict)
    reachable: frozenset[Position] = frozenset()
    histories: dict[Position, PixelHistory] = field(default_factory=dict)
    _queue: deque[Position] = field(default_factory=deque)
    _mixed: list[tuple[Scope, Call, PixelHistory]] = field(default_factory=list)
    _scaled: list[PixelHistory] = field(default_factory=list)
    _unscaled: list[tuple[str, Preprocess | None, list[list[float]]]] = field(default_factory=list)
    _opaque: list[str] = field(default_factory=list)

    def search(self, scope: Scope, starts: Sequence[Tensor]) -> PreprocessingGuess:
        """Return the guess from all paths that begin at these tensors."""
        for start in starts:
            self._visit(scope, start, PixelHistory())
        while self._queue:
            self._follow(*self._queue.popleft())
            if not self._queue:
                self._follow_mixed()
        return self._choose_guess()

    def _visit(self, scope: Scope, tensor: Tensor, history: PixelHistory) -> None:
        if (scope, tensor) not in self.histories:
            self.histories[scope, tensor] = history
            self._queue.append((scope, tensor))

    def _follow(self, scope: Scope, tensor: Tensor) -> None:
        history = self.histories[scope, tensor]
        for call in scope.graph.calls.get(tensor, ()):
            self._pass(scope, call, tensor, history)
        for index, output in enumerate(scope.graph.outputs):
            if output != tensor:
                continue
            if scope.outer and scope.call:
                self._visit(scope.outer, scope.call.get_output(index), history)
            elif history.layer_class:  # the model has no weights, but scales pixels
                self._scaled.append(history)

    def _follow_mixed(self) -> None:
        """Continue after layers that merge pixels of several inputs, which is not a scaling."""
        for scope, call, history in self._mixed:
            if all((scope, tensor) in self.reachable for tensor in call.tensors):
                self._visit(scope, call.get_output(), history)
        self._mixed.clear()

    def _pass(self, scope: Scope, call: Call, tensor: Tensor, history: PixelHistory) -> None:
        node = call.node
        while node.get("class_name") == "TimeDistributed":
            node = get_setting(node, "layer")
        if list_inner_layers(node):
            inner = self._enter_model(scope, call, node)
            for taken, start in zip(call.tensors, inner.graph.inputs, strict=False):
                if taken == tensor:
                    self._visit(inner, start, history)
            return
        learned = scope.read_statistics(node)
        effect, path = find_effect(node, call, learned), scope.describe_layer(node)
        if effect.kind == "scales" and any((scope, t) not in self.histories for t in call.tensors):
            self._mixed.append((scope, call, history))
        elif effect.kind in ("keeps", "scales"):
            onward = history.apply_effect(effect, str(node["class_name"]), path)
            self._visit(scope, call.get_output(), onward)
        elif history.layer_class:
            self._scaled.append(history)
        elif effect.kind == "opaque":
            self._opaque.append(path)
        else:
            self._unscaled.append((path, _find_backbone_family(scope.models), learned))

    def _enter_model(self, scope: Scope, call: Call, node: Mapping[str, Any]) -> Scope:
        key = (scope, call.result)
        if key not in self.scopes:
            self.scopes[key] = Scope(node, build_graph(node), scope.read_values, call, scope)
        return self.scopes[key]

    def _choose_guess(self) -> PreprocessingGuess:
        """Return the guess; if paths differ, a path that scales pixels has precedence."""
        if not_for_unit := [history for history in self._scaled if not history.is_for_unit]:
            return PreprocessingGuess(get_preset("raw", f"model:{not_for_unit[0].layer_class}"))
        if self._scaled:
            return assume_unit(describe_unit_scaling(self._scaled[0].layer_path))
        if self._opaque:
            return assume_unit(
                describe_opaque_layer(f"what {self._opaque[0]} does to pixels"), opaque=True
            )
        families = {family for _, family, _ in self._unscaled if family}
        if len(families) == 1:
            return PreprocessingGuess(families.pop())
        if not self._unscaled:
            return assume_unit(describe_no_evidence("no layer with weights takes them"))
        path, family, learned = self._unscaled[0]
        if len(learned) > 1:  # the last two arrays are the moving mean and variance
            mean, variance = map(_compute_mean, learned[-2:])
            if guess := guess_from_statistics(path, mean, variance):
                return guess
        evidence = "its backbones differ" if family else f"{path} takes them as they come"
        return assume_unit(describe_no_evidence(evidence))

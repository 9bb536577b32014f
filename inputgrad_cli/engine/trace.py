"""The forward pass of one sample, traced: what there is to learn about a model's graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import tensorflow as tf

from inputgrad_cli.choices import LAYER
from inputgrad_cli.engine.adapter.endings import ending_of, logits_by_name
from inputgrad_cli.engine.adapter.forward import forward
from inputgrad_cli.engine.adapter.graph_size import refuse_large_graph
from inputgrad_cli.engine.adapter.hooks import Change, hooked, layers_by_path
from inputgrad_cli.engine.adapter.keras_adapter import Binding
from inputgrad_cli.engine.adapter.kernels import must_compile, unoptimized
from inputgrad_cli.numeric.arrays import Arrays

SHAPES = {"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"}  # no value passes through
ENCODERS = tuple(
    getattr(keras.layers, name)
    for name in (
        *("Embedding", "CategoryEncoding", "StringLookup", "IntegerLookup", "Hashing"),
        *("HashedCrossing", "Discretization", "TextVectorization"),
    )
)


SPREADING = ("one_hot", "multi_hot", "count", "tf_idf")  # modes of encoders that give no index


@dataclass(frozen=True)
class Call:
    """One call of a layer while the model was traced: its tap, and whether it is an encoder.

    `spreads` says that what it gives are codes such as one-hot, which may be whole numbers: they
    have a derivative all the same once they are fed as floats.
    """

    tap: str
    encodes: bool
    spreads: bool = False


class Traced:
    """One traced forward pass: `starts` are what is fed, `outputs` the heads, both by name.

    `endings` are the activations that end outputs. With `records` the calls of layers are noted.
    """

    def __init__(
        self,
        binding: Binding,
        tensors: Mapping[str, Any],
        heads: Sequence[str],
        records: bool = True,
    ) -> None:
        self.starts: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}
        self.endings: dict[str, str] = {}
        seen: list[tuple[str, int, Any, Any]] = []
        layers = {id(layer): (path, layer) for path, layer in _outer_layers(binding.model)}
        self.layers = {path.rpartition("/")[2] for path, _ in layers.values()}

        def run(inputs: dict[str, Any]) -> Any:
            self.starts.update(inputs)
            with ExitStack() as stack:
                for path, layer in layers.values() if records else ():
                    stack.enter_context(hooked(layer, _recording(seen, path, layer)))
                outputs = forward(binding, inputs, heads)
            self.outputs.update(outputs)
            own = {name: y for name, y in outputs.items() if name not in heads}
            endings = {n: ending_of(y) for n, y in own.items() if tf.is_symbolic_tensor(y)}
            self.endings = {name: ending[0] for name, ending in endings.items() if ending}
            return outputs, logits_by_name(own)

        specs = {name: tf.TensorSpec(t.shape, t.dtype) for name, t in tensors.items()}
        function = tf.function(run, input_signature=[specs], autograph=binding.own_code)
        self._program = function.get_concrete_function()
        self.graph = self._program.graph
        self.operations = self.graph.get_operations()
        self.calls = _calls(seen)

    def compute(self, tensors: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the outputs, and the logits of those that end in an activation, by name.

        ItemError where a tensor is larger than what memory is left.
        """
        refuse_large_graph(self.graph)
        with unoptimized():
            outputs, logits = self._program(dict(tensors))
        return dict(outputs), dict(logits)

    def reached(self, names: Sequence[str]) -> set[str]:
        """Return the tensors, by name, whose values depend on what is fed under these names."""
        found = {self.starts[name].name for name in names}
        for op in self.operations:
            if op.type not in SHAPES and any(t.name in found for t in op.inputs):
                found |= {out.name for out in op.outputs}
        return found

    def leading(self, head: str) -> set[str]:
        """Return the tensors, by name, that the values of an output depend on."""
        found = {getattr(self.outputs[head], "name", "")}
        for op in reversed(self.operations):
            if op.type not in SHAPES and any(out.name in found for out in op.outputs):
                found |= {t.name for t in op.inputs}
        return found


class Opening:
    """The first pass over a model, of one sample: computed and traced once for all who look at it.

    `heads` are taps that serve as outputs too. `traced` is None where the model cannot be traced:
    code of the user's own may raise anything there, and be right eagerly.
    """

    def __init__(
        self, binding: Binding, inputs: Arrays, heads: Sequence[str], records: bool
    ) -> None:
        self.binding, self.inputs = binding, inputs
        self.tensors = binding.tensors(inputs)
        self._heads, self._records = heads, records

    @cached_property
    def traced(self) -> Traced | None:
        """Return the traced pass."""
        try:
            return Traced(self.binding, self.tensors, self._heads, self._records)
        except Exception:
            return None

    @cached_property
    def computed(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what `compute` gave first."""
        return self.compute()

    def compute(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the outputs, and the logits that were noted on them, both by name."""
        if must_compile() and self.traced is not None:
            return self.traced.compute(self.tensors)
        outputs, logits = self.binding.compute(self._look, self.tensors)
        return dict(outputs), dict(logits)

    def _look(self, inputs: Mapping[str, Any]) -> Any:
        outputs = forward(self.binding, inputs, self._heads)
        return outputs, logits_by_name({n: y for n, y in outputs.items() if n not in self._heads})

    @cached_property
    def walked(self) -> dict[str, Any]:
        """Return the logits that only the traced pass shows, by name."""
        if must_compile() or self.traced is None:
            return {}
        return self.traced.compute(self.tensors)[1]

    @property
    def declared(self) -> Mapping[str, str]:
        """Return the activations that end outputs by the model's graph, by name."""
        return {} if self.traced is None else self.traced.endings


def _outer_layers(model: Any) -> list[tuple[str, Any]]:
    """Return the layers with their paths, without those that an encoder holds for its own use."""
    known = layers_by_path(model)
    encoders = [f"{path}/" for path, layer in known.items() if isinstance(layer, ENCODERS)]
    return [(path, layer) for path, layer in known.items() if not path.startswith(tuple(encoders))]


def _recording(seen: list[tuple[str, int, Any, Any]], path: str, layer: Any) -> Change:
    def change(number: int, fed: Any, out: Any) -> Any:
        seen.append((path, number, layer, out))
        return out

    return change


def _calls(seen: Sequence[tuple[str, int, Any, Any]]) -> dict[str, Call]:
    """Return the innermost layer call that made each tensor, by the tensor's name."""
    found: dict[str, Call] = {}
    shared = {path for path, number, _, _ in seen if number}
    for path, number, layer, out in seen:
        if tf.is_symbolic_tensor(out):
            tap = f"{LAYER}{path}#{number}" if path in shared else f"{LAYER}{path}"
            encodes = isinstance(layer, ENCODERS)
            spreads = encodes and layer.get_config().get("output_mode") in SPREADING
            found.setdefault(out.name, Call(tap, encodes, spreads))
    return found

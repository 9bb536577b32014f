"""Traces the forward pass of one sample, to find calls, activations and logits in the graph."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import tensorflow as tf

from inputgrad_cli.engine.adapter.cpu_kernel_selection import must_compile, skip_graph_optimization
from inputgrad_cli.engine.adapter.final_activation import find_activation, find_all_logits
from inputgrad_cli.engine.adapter.graph_memory_check import refuse_large_graph
from inputgrad_cli.engine.adapter.graph_traversal_properties import SHAPE_OPERATIONS
from inputgrad_cli.engine.adapter.hooks import OutputHook, hook_layer, map_layers_by_path
from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
from inputgrad_cli.engine.adapter.tapped_forward_pass import run_forward
from inputgrad_cli.engine.adapter.type_aliases import TensorDict, Tensors
from inputgrad_cli.numeric.array_helpers import Arrays
from inputgrad_cli.option_choices import LAYER

ENCODERS = tuple(
    getattr(keras.layers, name)
    for name in (
        *("Embedding", "CategoryEncoding", "StringLookup", "IntegerLookup", "Hashing"),
        *("HashedCrossing", "Discretization", "TextVectorization"),
    )
)


# Output modes of encoders that return vectors instead of indices.
VECTOR_MODES = ("one_hot", "multi_hot", "count", "tf_idf")


@dataclass(frozen=True)
class LayerCall:
    """One call of a layer in a traced model: its tap, and whether the layer is an encoder.

    `gives_vectors` is true if its outputs are codes such as one-hot. They may be integers, but have
    a derivative if they are fed as floats.
    """

    tap: str
    is_encoder: bool
    gives_vectors: bool = False


class TracedPass:
    """One traced forward pass: `sources` are the fed tensors and `outputs` the outputs, by name.

    `endings` are the final activations of outputs. With `records` the calls of layers are recorded.
    """

    def __init__(
        self,
        adapter: KerasAdapter,
        tensors: Mapping[str, Any],
        heads: Sequence[str],
        records: bool = True,
    ) -> None:
        self.sources: TensorDict = {}
        self.outputs: TensorDict = {}
        self.endings: dict[str, str] = {}
        recorded: list[tuple[str, int, Any, Any]] = []
        layers = {id(layer): (path, layer) for path, layer in _list_outer_layers(adapter.model)}
        self.layers = {path.rpartition("/")[2] for path, _ in layers.values()}

        def run(inputs: Tensors) -> Any:
            self.sources.update(inputs)
            with ExitStack() as stack:
                for path, layer in layers.values() if records else ():
                    stack.enter_context(hook_layer(layer, _build_recorder(recorded, path, layer)))
                outputs = run_forward(adapter, inputs, heads)
            self.outputs.update(outputs)
            model_outputs = {name: y for name, y in outputs.items() if name not in heads}
            endings = {
                n: find_activation(y) for n, y in model_outputs.items() if tf.is_symbolic_tensor(y)
            }
            self.endings = {name: ending[0] for name, ending in endings.items() if ending}
            return outputs, find_all_logits(model_outputs)

        specs = {name: tf.TensorSpec(t.shape, t.dtype) for name, t in tensors.items()}
        function = tf.function(run, input_signature=[specs], autograph=adapter.has_user_code)
        self._program = function.get_concrete_function()
        self.graph = self._program.graph
        self.operations = self.graph.get_operations()
        self.calls = _index_calls(recorded)

    def compute(self, tensors: Mapping[str, Any]) -> tuple[Tensors, Tensors]:
        """Return the outputs, and the logits of those that end in an activation, by name.

        Raises ItemError if a tensor is larger than the available memory.
        """
        refuse_large_graph(self.graph)
        with skip_graph_optimization():
            outputs, logits = self._program(dict(tensors))
        return dict(outputs), dict(logits)

    def find_descendants(self, names: Sequence[str]) -> set[str]:
        """Return the names of the tensors whose values depend on the sources with these names."""
        return self._follow({self.sources[name].name for name in names})

    def find_results(self, types: Container[str]) -> set[str]:
        """Return the names of the tensors that operations of these types, or later ones, give."""
        return self._follow(
            {t.name for op in self.operations if op.type in types for t in op.outputs}
        )

    def _follow(self, tensors: set[str]) -> set[str]:
        """Return the tensors, and those whose values depend on them, by name."""
        reached = set(tensors)
        for op in self.operations:
            if op.type not in SHAPE_OPERATIONS and any(t.name in reached for t in op.inputs):
                reached |= {out.name for out in op.outputs}
        return reached

    def find_ancestors(self, head: str) -> set[str]:
        """Return the names of the tensors that the values of an output depend on."""
        tensors = {getattr(self.outputs[head], "name", "")}
        for op in reversed(self.operations):
            if op.type not in SHAPE_OPERATIONS and any(out.name in tensors for out in op.outputs):
                tensors |= {t.name for t in op.inputs}
        return tensors


class CalibrationPass:
    """The first pass over a model with one sample, computed and traced at most once.

    `heads` are taps that are used as outputs too. `traced` is None if the model cannot be traced,
    because the user's own code may raise anything then and still be correct eagerly.
    """

    def __init__(
        self, adapter: KerasAdapter, inputs: Arrays, heads: Sequence[str], records: bool
    ) -> None:
        self.adapter, self.inputs = adapter, inputs
        self.tensors = adapter.to_tensors(inputs)
        self._heads, self._records = heads, records

    @cached_property
    def traced(self) -> TracedPass | None:
        """Return the traced pass, None if the model cannot be traced."""
        try:
            return TracedPass(self.adapter, self.tensors, self._heads, self._records)
        except Exception:
            return None

    @cached_property
    def first_result(self) -> tuple[Tensors, Tensors]:
        """Return the result of the first call of `compute`."""
        return self.compute()

    def compute(self) -> tuple[Tensors, Tensors]:
        """Return the outputs, and the logits that are attached to them, both by name."""
        # What was traced to be looked at need not be compiled a second time to be run.
        if must_compile() and self.traced is not None:
            return self.traced.compute(self.tensors)
        outputs, logits = self.adapter.compute(self._run_forward, self.tensors)
        return dict(outputs), dict(logits)

    def _run_forward(self, inputs: Mapping[str, Any]) -> Any:
        outputs = run_forward(self.adapter, inputs, self._heads)
        return outputs, find_all_logits({n: y for n, y in outputs.items() if n not in self._heads})

    @cached_property
    def graph_logits(self) -> Tensors:
        """Return the logits that only the traced pass reveals, by name."""
        if must_compile() or self.traced is None:
            return {}
        return self.traced.compute(self.tensors)[1]

    @property
    def declared_activations(self) -> Mapping[str, str]:
        """Return the final activations of outputs according to the model's graph, by name."""
        return {} if self.traced is None else self.traced.endings


def _list_outer_layers(model: Any) -> list[tuple[str, Any]]:
    """Return the layers with their paths, without those inside an encoder."""
    layers = map_layers_by_path(model)
    encoders = [f"{path}/" for path, layer in layers.items() if isinstance(layer, ENCODERS)]
    return [(path, layer) for path, layer in layers.items() if not path.startswith(tuple(encoders))]


def _build_recorder(recorded: list[tuple[str, int, Any, Any]], path: str, layer: Any) -> OutputHook:
    def change(call_index: int, inputs: Any, output: Any) -> Any:
        recorded.append((path, call_index, layer, output))
        return output

    return change


def _index_calls(recorded: Sequence[tuple[str, int, Any, Any]]) -> dict[str, LayerCall]:
    """Return the innermost layer call that returned each tensor, by the tensor's name."""
    calls: dict[str, LayerCall] = {}
    shared = {path for path, call_index, _, _ in recorded if call_index}
    for path, call_index, layer, output in recorded:
        if tf.is_symbolic_tensor(output):
            # A tensor that passes through several layers is recorded by the innermost first.
            tap = f"{LAYER}{path}#{call_index}" if path in shared else f"{LAYER}{path}"
            is_encoder = isinstance(layer, ENCODERS)
            gives_vectors = is_encoder and layer.get_config().get("output_mode") in VECTOR_MODES
            calls.setdefault(output.name, LayerCall(tap, is_encoder, gives_vectors))
    return calls

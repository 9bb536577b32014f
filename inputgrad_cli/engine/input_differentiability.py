"""Finds which inputs have a derivative, and at which layers the other inputs become numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tensorflow.python.framework import ops as graph_ops

from inputgrad_cli.engine.adapter.graph_traversal_properties import (
    FUNCTION_CALLS,
    SHAPE_OPERATIONS,
    has_derivative,
)
from inputgrad_cli.engine.one_sample_forward_trace import TracedPass

# These operations have a registered derivative, but it is None or zero everywhere.
STEP_FUNCTIONS = {"Floor", "Ceil", "Round", "Rint", "Sign", "FloorDiv"}
STEP_FUNCTIONS |= {"StopGradient", "PreventGradient"}
TABLE_LOOKUPS = {"Gather", "GatherV2", "GatherNd", "ResourceGather", "ResourceGatherNd"}
ENCODINGS = {"OneHot", "DenseBincount", "RaggedBincount", "SparseBincount", "Bincount"}
ENCODINGS |= {"LookupTableFind", "LookupTableFindV2", "SparseToDense"}
# Products with weights, after which a value is no longer one of an input's own.
PRODUCTS = {"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"}
PRODUCTS |= {"Conv1D", "Conv2D", "Conv3D", "DepthwiseConv2dNative"}
TEXT_SPLITS = {"StringSplit", "StringSplitV2", "UnicodeDecodeWithOffsets", "StringNGrams"}
# Type attributes of differentiable arguments in TensorFlow's operation definitions.
DIFFERENTIABLE_TYPES = {"T", "SrcT", "Tparams", "dtype"}


@dataclass(frozen=True)
class InputDependence:
    """How the outputs depend on one input.

    `direct` is true if a derivative reaches the input itself. `lookups` are the taps of the layers
    where the input becomes numbers that have a derivative, such as rows of an embedding or one-hot
    codes. `heads` are the outputs whose values it can change. `split` is true for a text that the
    model splits into words. `blockers` describe the operations that end the derivative; they are
    given only if the input is neither direct nor looked up.
    """

    direct: bool = True
    lookups: tuple[str, ...] = ()
    heads: frozenset[str] = frozenset()
    split: bool = False
    blockers: tuple[str, ...] = ()


def trace_dependences(traced: TracedPass) -> dict[str, InputDependence]:
    """Return how the outputs depend on each input of a traced pass."""
    fed = traced.find_descendants(list(traced.sources))
    computed = traced.find_results(PRODUCTS)
    return {name: _DependenceWalk(traced, name, fed, computed).follow() for name in traced.sources}


class _DependenceWalk:
    """Follows one input through the operations.

    `fed` are the tensors that depend on any input, and `computed` those that depend on a product
    with weights. Of the tensors that depend on the input, `live` have a derivative back to it or
    to a lookup of it, `direct` have one back to the input itself, and `coded` depend on a table
    row or one-hot code.
    """

    def __init__(self, traced: TracedPass, name: str, fed: set[str], computed: set[str]) -> None:
        self.traced, self.name, self.fed, self.computed = traced, name, fed, computed
        start = {traced.sources[name].name}
        self.reached, self.live, self.direct = set(start), set(start), set(start)
        self.coded: set[str] = set()
        self.lookups: list[str] = []
        self.split = False

    def follow(self) -> InputDependence:
        """Visit all operations and return how the outputs depend on the input."""
        # TensorFlow lists operations as they were created, so the inputs of each come first.
        for op in self.traced.operations:
            if op.type not in SHAPE_OPERATIONS and any(t.name in self.reached for t in op.inputs):
                self._visit(op)
        outputs = {head: getattr(t, "name", "") for head, t in self.traced.outputs.items()}
        heads = frozenset(head for head, name in outputs.items() if name in self.reached)
        direct = any(name in self.direct for name in outputs.values())
        blockers: tuple[str, ...] = ()
        if heads and not direct and not self.lookups:
            blockers = tuple(find_blocking_operations(self.traced, [self.name], sorted(heads)))
        return InputDependence(direct, tuple(self.lookups), heads, self.split, blockers)

    def _visit(self, op: Any) -> None:
        outs = {out.name for out in op.outputs}
        carried = {op.inputs[i].name for i in list_differentiable_inputs(op)}
        self.reached |= outs
        self.split |= op.type in TEXT_SPLITS
        if carried & self.live:
            self.live |= outs
        if carried & self.direct:
            self.direct |= outs
        if self._is_encoding(op) or any(t.name in self.coded for t in op.inputs):
            self.coded |= outs
        for out in op.outputs:
            call = self.traced.calls.get(out.name)
            if call is None or out.name in self.live:
                continue
            if not (out.dtype.is_floating or call.gives_vectors):
                continue
            if call.is_encoder or out.name in self.coded:
                self.lookups.append(call.tap)
                self.live.add(out.name)

    def _is_encoding(self, op: Any) -> bool:
        """Return whether the operation looks up a row of the model's own table, or builds a code.

        A table that an input feeds is not an embedding, because the value that selects the row is
        then an index, such as the edges of a graph. What the model has computed before it becomes
        a code is a choice, such as that of an expert, and no code of the input.
        """
        if any(t.name in self.computed for t in op.inputs):
            return False
        if op.type in TABLE_LOOKUPS:
            return op.inputs[0].name not in self.fed
        return op.type in ENCODINGS


def list_differentiable_inputs(op: Any) -> list[int]:
    """Return the positions of the inputs that the derivative of an operation's outputs reaches.

    Integers count as floats, because they can be fed as floats.
    """
    if op.type in STEP_FUNCTIONS or (
        op.type == "Cast" and _is_lossy_cast(op.inputs[0].dtype, op.outputs[0].dtype)
    ):
        return []
    if op.type not in FUNCTION_CALLS | {"Cast"}:
        try:
            # None stands for an operation that is registered as having no derivative.
            if graph_ops.get_gradient_function(op) is None:
                return []
        except LookupError:
            # TensorFlow lacks the derivative of some operations that have one, as of ResizeArea.
            return []
    # Values have the type of an output; shapes, axes and indices have types of their own.
    returned = {_get_type_attr(arg) for arg in op.op_def.output_arg}
    kinds = [
        kind
        for arg in op.op_def.input_arg
        for kind in [_get_type_attr(arg)] * _count_tensors(op, arg)
    ]
    return [
        i
        for i, kind in enumerate(kinds)
        if kind in returned or kind in DIFFERENTIABLE_TYPES or has_derivative(op.inputs[i])
    ]


def _is_lossy_cast(before: Any, after: Any) -> bool:
    return bool(after.is_bool or (before.is_floating and not after.is_floating))


def _get_type_attr(arg: Any) -> str:
    return str(arg.type_attr or arg.type_list_attr)


def _count_tensors(op: Any, arg: Any) -> int:
    """Return how many tensors one argument of an operation holds."""
    if arg.number_attr:
        return int(op.get_attr(arg.number_attr))
    return len(op.get_attr(arg.type_list_attr)) if arg.type_list_attr else 1


def find_blocking_operations(
    traced: TracedPass, sites: Sequence[str], heads: Sequence[str]
) -> list[str]:
    """Return the operations that end the derivative from outputs to sites, as `Round in layer 'x'`.

    The list is empty if the outputs do not depend on the sites.
    """
    ancestors = set().union(*(traced.find_ancestors(head) for head in heads))
    live = {traced.sources[site].name for site in sites}
    operations = []
    for op in traced.operations:
        if op.type in SHAPE_OPERATIONS or not any(t.name in live for t in op.inputs):
            continue
        if any(op.inputs[i].name in live for i in list_differentiable_inputs(op)):
            live |= {out.name for out in op.outputs}
        elif any(out.name in ancestors for out in op.outputs):
            operations.append(_describe_operation(op, traced.layers))
    return list(dict.fromkeys(operations))


def _describe_operation(operation: Any, layers: set[str]) -> str:
    """Return an operation and its layer in words, as TensorFlow's graph names them."""
    scopes = operation.name.split("/")[:-1]
    base_names = [re.sub(r"_\d+$", "", part) for part in scopes]
    layer = next((name for name in [*scopes, *base_names] if name in layers), "")
    return f"{operation.type} in layer {layer!r}" if layer else str(operation.type)

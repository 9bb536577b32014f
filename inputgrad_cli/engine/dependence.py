"""What the outputs depend on: which inputs have a derivative, and where others become numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import ops as graph_ops

from inputgrad_cli.engine.trace import SHAPES, Traced

# These have a registered derivative, and it is none or zero everywhere.
STEPS = {"Floor", "Ceil", "Round", "Rint", "Sign", "StopGradient", "PreventGradient", "FloorDiv"}
TABLES = {"Gather", "GatherV2", "GatherNd", "ResourceGather", "ResourceGatherNd"}
CODES = {"OneHot", "DenseBincount", "RaggedBincount", "SparseBincount", "Bincount"}
CODES |= {"LookupTableFind", "LookupTableFindV2", "SparseToDense"}
SPLITS = {"StringSplit", "StringSplitV2", "UnicodeDecodeWithOffsets", "StringNGrams"}
# What an argument that is differentiated is called in TensorFlow's definitions of operations.
VALUES = {"T", "SrcT", "Tparams", "dtype"}


@dataclass(frozen=True)
class Way:
    """How one input reaches the outputs.

    `direct`: a derivative comes back to the input itself. `lookups` are the taps of layers where it
    becomes numbers that have one: rows of an embedding, one-hot codes. `heads` are the outputs
    whose values it can change. `split`: it is a text that the model cuts into words. `ends` are the
    operations that end the derivative, in words, where there is neither.
    """

    direct: bool = True
    lookups: tuple[str, ...] = ()
    heads: frozenset[str] = frozenset()
    split: bool = False
    ends: tuple[str, ...] = ()


def ways_of(traced: Traced) -> dict[str, Way]:
    """Return how each input reaches the outputs."""
    fed = traced.reached(list(traced.starts))
    return {name: _Walk(traced, name, fed).way() for name in traced.starts}


class _Walk:
    """The way of one input, operation by operation. `fed` is what depends on any input.

    Of the tensors reached by the input, `live` have a derivative back to it or to a lookup of it,
    `direct` to the input itself; `coded` come out of a table or a one-hot code.
    """

    def __init__(self, traced: Traced, name: str, fed: set[str]) -> None:
        self.traced, self.name, self.fed = traced, name, fed
        start = {traced.starts[name].name}
        self.reached, self.live, self.direct = set(start), set(start), set(start)
        self.coded: set[str] = set()
        self.lookups: list[str] = []
        self.split = False

    def way(self) -> Way:
        """Return the way."""
        for op in self.traced.operations:
            if op.type not in SHAPES and any(t.name in self.reached for t in op.inputs):
                self._pass(op)
        outputs = {head: getattr(t, "name", "") for head, t in self.traced.outputs.items()}
        heads = frozenset(head for head, name in outputs.items() if name in self.reached)
        direct = any(name in self.direct for name in outputs.values())
        ends: tuple[str, ...] = ()
        if heads and not direct and not self.lookups:
            ends = tuple(stops(self.traced, [self.name], sorted(heads)))
        return Way(direct, tuple(self.lookups), heads, self.split, ends)

    def _pass(self, op: Any) -> None:
        outs = {out.name for out in op.outputs}
        carried = {op.inputs[place].name for place in carrying(op)}
        self.reached |= outs
        self.split |= op.type in SPLITS
        if carried & self.live:
            self.live |= outs
        if carried & self.direct:
            self.direct |= outs
        if self._codes(op) or any(t.name in self.coded for t in op.inputs):
            self.coded |= outs
        for out in op.outputs:
            call = self.traced.calls.get(out.name)
            if call is None or out.name in self.live:
                continue
            if not (out.dtype.is_floating or call.spreads):
                continue
            if call.encodes or out.name in self.coded:
                self.lookups.append(call.tap)
                self.live.add(out.name)

    def _codes(self, op: Any) -> bool:
        """Return whether the input chooses a row of a table of the model's own, or becomes a code.

        A table that an input feeds is no embedding: the choice is an index, as of a graph's edges.
        """
        if op.type in TABLES:
            return op.inputs[0].name not in self.fed
        return op.type in CODES


def carrying(op: Any) -> list[int]:
    """Return which inputs of an operation the derivative of its outputs comes back to.

    Whole numbers count as the floats that they can be fed as.
    """
    if op.type in STEPS or (op.type == "Cast" and _loses(op.inputs[0].dtype, op.outputs[0].dtype)):
        return []
    if op.type not in ("PartitionedCall", "StatefulPartitionedCall", "Cast"):
        try:
            if graph_ops.get_gradient_function(op) is None:
                return []
        except LookupError:
            return []
    returned = {_type_of(arg) for arg in op.op_def.output_arg}
    kinds = [kind for arg in op.op_def.input_arg for kind in [_type_of(arg)] * _length(op, arg)]
    return [
        place
        for place, kind in enumerate(kinds)
        if kind in returned or kind in VALUES or _holds_numbers(op.inputs[place].dtype)
    ]


def _holds_numbers(dtype: Any) -> bool:
    return bool(dtype.is_floating or dtype.is_complex or dtype == tf.variant)


def _loses(before: Any, after: Any) -> bool:
    return bool(after.is_bool or (before.is_floating and not after.is_floating))


def _type_of(arg: Any) -> str:
    return str(arg.type_attr or arg.type_list_attr)


def _length(op: Any, arg: Any) -> int:
    """Return how many tensors stand in one argument of an operation."""
    if arg.number_attr:
        return int(op.get_attr(arg.number_attr))
    return len(op.get_attr(arg.type_list_attr)) if arg.type_list_attr else 1


def stops(traced: Traced, sites: Sequence[str], heads: Sequence[str]) -> list[str]:
    """Return the operations that end the derivative from outputs to sites, `Round in layer 'x'`.

    Empty where the outputs do not depend on the sites.
    """
    leading = set().union(*(traced.leading(head) for head in heads))
    live = {traced.starts[site].name for site in sites}
    found = []
    for op in traced.operations:
        if op.type in SHAPES or not any(t.name in live for t in op.inputs):
            continue
        if any(op.inputs[place].name in live for place in carrying(op)):
            live |= {out.name for out in op.outputs}
        elif any(out.name in leading for out in op.outputs):
            found.append(_told(op, traced.layers))
    return list(dict.fromkeys(found))


def _told(operation: Any, layers: set[str]) -> str:
    """Return an operation with its layer, as TensorFlow's graph names it."""
    whole = operation.name.split("/")[:-1]
    scopes = [re.sub(r"_\d+$", "", part) for part in whole]
    layer = next((name for name in [*whole, *scopes] if name in layers), "")
    return f"{operation.type} in layer {layer!r}" if layer else str(operation.type)

"""Looks for tensors in a traced program that memory has no room for, before it is run.

TensorFlow would wait ten seconds for memory, then raise; where it is short of it otherwise, die.
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from inputgrad_cli.errors import ItemError
from inputgrad_cli.machine.memory import MEND, room
from inputgrad_cli.numeric.arrays import printable_shape

TEXT = 24  # bytes of a text that TensorFlow keeps in place


def refuse_large_graph(graph: Any, rows: int = 1) -> None:
    """Raise ItemError (kind `memory`) for a tensor that does not fit; `rows` are in a pass.

    An axis of any length is taken for the rows where it is the first, else for one.
    """
    left = room()
    for operation in graph.get_operations():
        for tensor in operation.outputs:
            if tensor.shape.rank is None:
                continue
            sizes = tensor.shape.as_list()
            size = size_of(
                [rows, *sizes[1:]] if sizes and sizes[0] is None else sizes, tensor.dtype
            )
            if size > left.size:
                raise too_large(
                    f"{operation.type} {operation.name!r} gives a tensor of shape "
                    f"{printable_shape(sizes, 'any')}, which takes {size:,} bytes; "
                    f"{left.size:,} are left of {left.words}"
                )


def too_large(reason: str = "") -> ItemError:
    """Return the fault of a pass that memory is too short for; a smaller one may do."""
    return ItemError(
        "the input does not fit into memory",
        reason=reason,
        mend=f"{MEND}, end what else fills it, try --device cpu, or give smaller inputs",
        kind="memory",
    )


def size_of(shape: Any, dtype: Any) -> int:
    """Return the bytes of a tensor, an axis of any length taken for one."""
    kind = tf.as_dtype(dtype)
    each = TEXT if kind == tf.string else int(kind.size)
    return int(math.prod(1 if size is None else size for size in shape)) * each

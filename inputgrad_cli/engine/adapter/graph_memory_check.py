"""Finds tensors in a traced graph that do not fit into memory, before the graph is run.

TensorFlow itself would wait ten seconds for memory and then raise, or end the process.
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from inputgrad_cli.errors import ItemError
from inputgrad_cli.machine.memory_size_option import MEMORY_HINT
from inputgrad_cli.machine.process_memory_limit import find_free_memory
from inputgrad_cli.numeric.array_helpers import format_shape

TEXT_BYTES = 24  # bytes that a string takes in a tensor, without a long text's own buffer


def refuse_large_graph(graph: Any, rows: int = 1) -> None:
    """Raise ItemError (kind `memory`) for a tensor that does not fit into memory.

    `rows` is the batch size of a pass. A first axis of unknown length counts as `rows`, any other
    as one.
    """
    free = find_free_memory()
    for operation in graph.get_operations():
        for tensor in operation.outputs:
            # Its size is known only when the graph runs.
            if tensor.shape.rank is None:
                continue
            sizes = tensor.shape.as_list()
            size = count_bytes(
                [rows, *sizes[1:]] if sizes and sizes[0] is None else sizes, tensor.dtype
            )
            if size > free.size:
                raise build_memory_error(
                    f"{operation.type} {operation.name!r} gives a tensor of shape "
                    f"{format_shape(sizes, 'any')}, which takes {size:,} bytes; "
                    f"{free.size:,} are left of {free.source}"
                )


def build_memory_error(reason: str = "") -> ItemError:
    """Return the error for a pass that needs too much memory; a smaller one may fit."""
    return ItemError(
        "the input does not fit into memory",
        reason=reason,
        hint=f"{MEMORY_HINT}, end what else fills it, try --device cpu, or give smaller inputs",
        kind="memory",
    )


def count_bytes(shape: Any, dtype: Any) -> int:
    """Return the bytes of a tensor; an axis of unknown length counts as one."""
    tf_dtype = tf.as_dtype(dtype)
    item_bytes = TEXT_BYTES if tf_dtype == tf.string else int(tf_dtype.size)
    return int(math.prod(1 if size is None else size for size in shape)) * item_bytes

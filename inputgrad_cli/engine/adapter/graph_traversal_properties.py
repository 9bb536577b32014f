"""Properties of TensorFlow's operations and tensors that every walk over a traced graph needs."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

# Their outputs depend on the shape of their input only, not on its values.
SHAPE_OPERATIONS = {"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"}
# They call a function that was compiled on its own.
FUNCTION_CALLS = {"PartitionedCall", "StatefulPartitionedCall"}


def has_derivative(tensor: Any) -> bool:
    """Return whether the tensor holds numbers that have derivatives."""
    kind = tensor.dtype.base_dtype
    # A loop collects its steps in a list of tensors, which is a variant.
    return bool(kind.is_floating or kind.is_complex or kind == tf.variant)

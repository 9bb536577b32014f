"""Counts the memory that Keras is about to allocate for variables and for outputs of layers.

Keras knows the size of an object before it allocates it: of a variable when it checks the shape,
of a graph tensor when it describes it. Both functions are internal to Keras; a test fails if they
move.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import keras
import tensorflow as tf

from inputgrad_cli.engine.adapter.error_location import locate_error, yield_causes
from inputgrad_cli.engine.adapter.graph_memory_check import count_bytes
from inputgrad_cli.errors import ModelError
from inputgrad_cli.machine.memory_size_option import MEMORY_HINT
from inputgrad_cli.machine.process_memory_limit import find_free_memory
from inputgrad_cli.modelfile.memory_limits import compute_weight_limit
from inputgrad_cli.numeric.array_helpers import format_shape

TENSORS_PER_VALUE = 2  # a tensor, and its gradient in the backward pass
# Outputs of layers while a model is built; the largest known models have 3,000.
MAX_TENSORS = 100_000
# Calls of layers that Keras runs step by step; a pass over so many takes seconds.
MAX_STEPS = 20_000
TOO_LARGE = "does not fit into memory"


class TooLargeError(MemoryError):
    """An allocation that is refused; `asks` says what the model does, `hint` gives advice."""

    def __init__(self, reason: str, asks: str = TOO_LARGE, hint: str = MEMORY_HINT) -> None:
        super().__init__(reason)
        self.asks, self.hint = asks, hint


class AllocationCounter:
    """Counts the bytes of all variables, and compares them with the free memory and the file.

    `weights` is the number of bytes of weights in the file, None if it is not known.
    """

    def __init__(self, weights: int | None) -> None:
        self._free = find_free_memory()
        self._max_bytes = None if weights is None else compute_weight_limit(weights)
        self.total = self.tensors = 0
        self.refused: TooLargeError | None = None

    def count_variable(self, path: str, shape: tuple[int, ...], dtype: str) -> None:
        """Count a variable before it is allocated; TooLargeError if it is too large."""
        size = count_bytes(shape, dtype)
        self.total += size
        message = f"variable {path!r} of shape {format_shape(shape, 'any')} takes {size:,} bytes"
        total_message = f"{message}, with those before it {self.total:,}"
        if self._max_bytes is not None and self.total > self._max_bytes:
            self._refuse(
                TooLargeError(
                    f"{total_message}, which the file lacks",
                    "asks for more weights than it holds",
                    "check the file; a model and its weights belong together",
                )
            )
        if self.total > self._free.size:
            self._refuse(TooLargeError(f"{total_message}, and {self._describe_free()}"))

    def check_tensor(self, shape: tuple[int | None, ...], dtype: str) -> None:
        """Compare a tensor for a single sample with the free memory; TooLargeError."""
        self.tensors += 1
        if self.tensors > MAX_TENSORS:
            self._refuse(
                TooLargeError(
                    f"its layers give more than {MAX_TENSORS:,} tensors",
                    "has no end",
                    "save a model of fewer outputs",
                )
            )
        size = count_bytes(shape, dtype)
        if TENSORS_PER_VALUE * size > self._free.size:
            message = f"a tensor of shape {format_shape(shape, 'any')} takes {size:,} bytes"
            self._refuse(
                TooLargeError(f"{message}, its gradient as much again, and {self._describe_free()}")
            )

    def _describe_free(self) -> str:
        return f"{self._free.size:,} are left of {self._free.source}"

    def _refuse(self, error: TooLargeError) -> NoReturn:
        self.refused = error
        raise error


@contextmanager
def count_allocations(weights: int | None) -> Iterator[AllocationCounter]:
    """Count what Keras is about to allocate in this block, only for the current thread."""
    counter, thread = AllocationCounter(weights), threading.get_ident()
    validate_shape, describe_tensor = keras.Variable._validate_shape, keras.KerasTensor.__init__
    orthogonal = keras.initializers.Orthogonal.__call__

    def validate(self: Any, shape: Any) -> Any:
        checked = validate_shape(self, shape)
        if threading.get_ident() == thread:
            counter.count_variable(self._path, tuple(checked), self._dtype)
        return checked

    def make(self: Any, *args: Any, **kwargs: Any) -> None:
        describe_tensor(self, *args, **kwargs)
        if threading.get_ident() == thread:
            counter.check_tensor(self._shape, self._dtype)

    def draw(self: Any, shape: Any, dtype: Any = None) -> Any:
        """Return zeros, because the file has the values, and drawing them would take minutes."""
        if threading.get_ident() == thread:
            return keras.initializers.Zeros()(shape, dtype=dtype)
        return orthogonal(self, shape, dtype=dtype)

    with (
        _replace_attribute(keras.initializers.Orthogonal, "__call__", draw),
        _replace_attribute(keras.Variable, "_validate_shape", validate),
        _replace_attribute(keras.KerasTensor, "__init__", make),
    ):
        yield counter


@contextmanager
def _replace_attribute(owner: type, name: str, function: Callable[..., Any]) -> Iterator[None]:
    """Replace a method of a class in this block."""
    previous = vars(owner).get(name)
    setattr(owner, name, function)
    try:
        yield
    finally:
        if previous is None:  # the attribute was inherited
            delattr(owner, name)
        else:
            setattr(owner, name, previous)


@contextmanager
def refuse_large_model(path: Any, weights: int | None) -> Iterator[None]:
    """Raise ModelError if a model that is opened in this block needs too much memory.

    The counter keeps its error, because Keras may catch it, and wrap it or continue.
    """
    with count_allocations(weights) as counter:
        try:
            yield
        except Exception as error:
            if counter.refused or _is_full(error):
                raise _build_error(path, counter.refused or error) from error
            raise
        if counter.refused:
            raise _build_error(path, counter.refused)


def _is_full(error: BaseException) -> bool:
    kinds = (MemoryError, tf.errors.ResourceExhaustedError)
    return any(isinstance(cause, kinds) for cause in yield_causes(error))


def _build_error(path: Any, error: BaseException) -> ModelError:
    """Return the error for a model that is too large, with the layer that failed."""
    location = locate_error(error)
    is_counted = isinstance(error, TooLargeError)
    reason = str(error) if is_counted else "there is not enough memory to open it"
    asks, hint = (
        (error.asks, error.hint) if isinstance(error, TooLargeError) else (TOO_LARGE, MEMORY_HINT)
    )
    return ModelError(
        f"{path}: the model {asks}",
        reason=f"{location}: {reason}" if location else reason,
        hint=hint,
        kind="memory" if asks == TOO_LARGE else "unsafe",
    )


def refuse_unrolled(path: Any, model: Any) -> None:
    """Raise ModelError for layers that Keras calls step by step over a very long axis."""
    for layer in model._flatten_layers():
        if not isinstance(layer, keras.Layer):  # a layer of tf_keras
            continue
        is_unrolled = getattr(layer, "unroll", False)
        if not (is_unrolled or isinstance(layer, keras.layers.TimeDistributed)):
            continue
        steps = sum(_count_steps(node) for node in layer._inbound_nodes)
        if steps > MAX_STEPS:
            raise ModelError(
                f"{path}: layer {layer.name!r} ({type(layer).__name__}) takes {steps:,} steps",
                reason="each step is a separate call, in every pass",
                hint=f"save a model whose layers take at most {MAX_STEPS:,} steps one by one",
                kind="unsafe",
            )


def _count_steps(node: Any) -> int:
    """Return the length of the first axis after the batch axis; 0 if it is unknown."""
    shapes = [tensor.shape for tensor in node.input_tensors]
    return int(shapes[0][1] or 0) if shapes and len(shapes[0]) > 1 else 0

"""Counts what Keras is about to allocate, before it does: variables, and what layers will give.

Keras says how large a thing is before it makes it: a variable when its shape is checked, a tensor
of a graph when it is described. Both places are inside Keras; a test fails when they move.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import keras
import tensorflow as tf

from inputgrad_cli.engine.adapter.error_location import chain, place_of
from inputgrad_cli.engine.adapter.graph_size import size_of
from inputgrad_cli.errors import ModelError
from inputgrad_cli.machine.memory import MEND, room
from inputgrad_cli.modelfile.memory_limits import most_weights
from inputgrad_cli.numeric.arrays import printable_shape

BACK = 2  # a tensor, and its gradient on the way back
MOST_TENSORS = 100_000  # given by layers while a model is built; the largest known have 3,000
MOST_STEPS = 20_000  # of layers that Keras calls one by one; a pass over so many takes seconds
FULL = "does not fit into memory"


class TooLargeError(MemoryError):
    """What is about to be allocated is more than it may be: what the model does, what mends it."""

    def __init__(self, reason: str, asks: str = FULL, mend: str = MEND) -> None:
        super().__init__(reason)
        self.asks, self.mend = asks, mend


class Counter:
    """The bytes of all variables so far, held against the room there was and against the file.

    `weights` are the bytes of weights that the file really holds, None where it does not tell.
    """

    def __init__(self, weights: int | None) -> None:
        self._room = room()
        self._most = None if weights is None else most_weights(weights)
        self.total = self.tensors = 0
        self.refused: TooLargeError | None = None

    def variable(self, path: str, shape: tuple[int, ...], dtype: str) -> None:
        """Count a variable; TooLargeError before it is allocated."""
        size = size_of(shape, dtype)
        self.total += size
        what = f"variable {path!r} of shape {printable_shape(shape, 'any')} takes {size:,} bytes"
        every = f"{what}, with those before it {self.total:,}"
        if self._most is not None and self.total > self._most:
            self._refuse(
                TooLargeError(
                    f"{every}, which the file lacks",
                    "asks for more weights than it holds",
                    "check the file; a model and its weights belong together",
                )
            )
        if self.total > self._room.size:
            self._refuse(TooLargeError(f"{every}, and {self._left()}"))

    def tensor(self, shape: tuple[int | None, ...], dtype: str) -> None:
        """Hold against the room what one sample makes of a tensor; TooLargeError."""
        self.tensors += 1
        if self.tensors > MOST_TENSORS:
            self._refuse(
                TooLargeError(
                    f"its layers give more than {MOST_TENSORS:,} tensors",
                    "has no end",
                    "save a model of fewer outputs",
                )
            )
        size = size_of(shape, dtype)
        if BACK * size > self._room.size:
            what = f"a tensor of shape {printable_shape(shape, 'any')} takes {size:,} bytes"
            self._refuse(TooLargeError(f"{what}, its gradient as much again, and {self._left()}"))

    def _left(self) -> str:
        return f"{self._room.size:,} are left of {self._room.words}"

    def _refuse(self, error: TooLargeError) -> NoReturn:
        self.refused = error
        raise error


@contextmanager
def counted(weights: int | None) -> Iterator[Counter]:
    """Count in this block, and in this thread alone, what Keras is about to allocate."""
    counter, own = Counter(weights), threading.get_ident()
    check, describe = keras.Variable._validate_shape, keras.KerasTensor.__init__
    orthogonal = keras.initializers.Orthogonal.__call__

    def validate(self: Any, shape: Any) -> Any:
        found = check(self, shape)
        if threading.get_ident() == own:
            counter.variable(self._path, tuple(found), self._dtype)
        return found

    def make(self: Any, *args: Any, **kwargs: Any) -> None:
        describe(self, *args, **kwargs)
        if threading.get_ident() == own:
            counter.tensor(self._shape, self._dtype)

    def draw(self: Any, shape: Any, dtype: Any = None) -> Any:
        """Return zeros: the file has the values, and these would take minutes to draw."""
        if threading.get_ident() == own:
            return keras.initializers.Zeros()(shape, dtype=dtype)
        return orthogonal(self, shape, dtype=dtype)

    with (
        _replaced(keras.initializers.Orthogonal, "__call__", draw),
        _replaced(keras.Variable, "_validate_shape", validate),
        _replaced(keras.KerasTensor, "__init__", make),
    ):
        yield counter


@contextmanager
def _replaced(home: type, name: str, function: Callable[..., Any]) -> Iterator[None]:
    before = vars(home).get(name)
    setattr(home, name, function)
    try:
        yield
    finally:
        if before is None:  # it was inherited
            delattr(home, name)
        else:
            setattr(home, name, before)


@contextmanager
def refusing(path: Any, weights: int | None) -> Iterator[None]:
    """Open a model in this block; ModelError where it would allocate more than there is room for.

    Keras may catch what a counter raises, and dress it up or go on without: it is told all the
    same.
    """
    with counted(weights) as counter:
        try:
            yield
        except Exception as error:
            if counter.refused or _is_full(error):
                raise _refusal(path, counter.refused or error) from error
            raise
        if counter.refused:
            raise _refusal(path, counter.refused)


def _is_full(error: BaseException) -> bool:
    kinds = (MemoryError, tf.errors.ResourceExhaustedError)
    return any(isinstance(one, kinds) for one in chain(error))


def _refusal(path: Any, error: BaseException) -> ModelError:
    where = place_of(error)
    told = isinstance(error, TooLargeError)
    reason = str(error) if told else "the memory does not suffice to open it"
    asks, mend = (error.asks, error.mend) if isinstance(error, TooLargeError) else (FULL, MEND)
    return ModelError(
        f"{path}: the model {asks}",
        reason=f"{where}: {reason}" if where else reason,
        mend=mend,
        kind="memory" if asks == FULL else "unsafe",
    )


def refuse_unrolled(path: Any, model: Any) -> None:
    """Raise ModelError for layers that Keras calls step by step over an axis without end."""
    for layer in model._flatten_layers():
        called = isinstance(layer, keras.layers.TimeDistributed) or getattr(layer, "unroll", False)
        own = called and isinstance(layer, keras.Layer)  # not of another Keras
        steps = sum(_steps(node) for node in layer._inbound_nodes) if own else 0
        if steps > MOST_STEPS:
            raise ModelError(
                f"{path}: layer {layer.name!r} ({type(layer).__name__}) takes {steps:,} steps",
                reason="each is a call of its own, in every pass",
                mend=f"save a model whose layers take at most {MOST_STEPS:,} steps one by one",
                kind="unsafe",
            )


def _steps(node: Any) -> int:
    """Return the length of the axis after the batch axis of what a layer takes; 0 where open."""
    shapes = [tensor.shape for tensor in node.input_tensors]
    return int(shapes[0][1] or 0) if shapes and len(shapes[0]) > 1 else 0

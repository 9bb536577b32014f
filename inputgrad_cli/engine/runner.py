"""Runs programs, pass by pass: batches, tracing, devices, states, and TensorFlow's talk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from inputgrad_cli.arrays import Array, Arrays
from inputgrad_cli.engine import fixes
from inputgrad_cli.engine.binding import Binding
from inputgrad_cli.engine.faults import told
from inputgrad_cli.engine.programs import Program
from inputgrad_cli.engine.quiet import Noise
from inputgrad_cli.engine.scalar import Pins


class Runner:
    """One model under way. `alone` says that samples must be run one by one.

    `random` says that a layer draws at inference; all draws then start from `seed` at every pass.
    """

    def __init__(
        self, binding: Binding, batch_size: int, traced: bool, device: str | None, noise: Noise
    ) -> None:
        self.binding = binding
        self.traced = traced
        self.alone = False
        self.random = False
        self.seed = 0
        self.programs: dict[Any, Program] = {}
        self.fixed = fixes.fixed_batch(binding.model)
        self._asked = batch_size
        self._stateful = fixes.is_stateful(binding.model)
        self._device, self._noise = device, noise

    @property
    def batch_size(self) -> int:
        """Return how many samples one pass holds, as asked or as the model demands."""
        return 1 if self.alone else self.fixed or self._asked

    def passes(self, total: int) -> Iterator[tuple[Array, int]]:
        """Yield the rows of each pass, and how many are real: a fixed batch is filled up."""
        for start in range(0, total, self.batch_size):
            rows = np.arange(start, min(start + self.batch_size, total))
            filled = self.fixed or len(rows)
            yield np.append(rows, [rows[-1]] * (filled - len(rows))).astype(np.intp), len(rows)

    def run(self, key: Any, make: Callable[[], Program], arrays: Arrays, pins: Any) -> Any:
        """Return what the program called `key` gives; it is made (and traced) the first time."""
        with self.here():
            tensors = self.binding.tensors(arrays)
            if key in self.programs:
                return self.programs[key](tensors, pins)
            program = make()
            if self.traced:
                # One trace for every batch: only the first axis, and what the model leaves open.
                signature = [self._specs(tensors), _pin_specs(pins)]
                program = tf.function(program, input_signature=signature)
            self.programs[key] = program
            with self._noise.kept():  # TensorFlow talks most the first time
                return program(tensors, pins)

    @contextmanager
    def here(self) -> Iterator[None]:
        """Compute in this block on the device asked for, from a known state.

        What TensorFlow raises is told as the item's fault.
        """
        with ExitStack() as stack:
            if self._device:
                stack.enter_context(tf.device(self._device))
            stack.enter_context(told())
            if self._stateful:
                fixes.reset_states(self.binding.model)
            if self.random:
                fixes.seed(self.binding.model, self.seed)
            yield

    def _specs(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        shapes = {port.name: port.shape for port in self.binding.ports}
        open_ended = any(shape is None or None in shape for shape in shapes.values())
        specs = {}
        for name, tensor in tensors.items():
            loose = open_ended and name not in shapes  # a tap behind an input of any length
            shape = shapes.get(name) or (_any_shape(tensor) if loose else tensor.shape[1:])
            specs[name] = tf.TensorSpec((self.fixed, *shape), tensor.dtype)
        return specs


def _any_shape(tensor: Any) -> tuple[int | None, ...]:
    return (None,) * (int(tensor.shape.rank) - 1)


def _pin_specs(pins: Any) -> Any:
    """Return the types of pins; truths and masks may be as large as outputs of open size."""
    if not isinstance(pins, Pins):
        return [_pin_specs(one) for one in pins]
    index, signs, offset = (tf.TensorSpec((None, *t.shape[1:]), t.dtype) for t in pins[:3])
    truth = tf.TensorSpec((None, *_any_shape(pins.truth)), pins.truth.dtype)
    return Pins(index, signs, offset, truth)

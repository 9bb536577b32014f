"""Runs programs, pass by pass: batches, tracing, threads, devices, states, TensorFlow's talk."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from threading import RLock
from typing import Any, TypeVar, cast

import numpy as np
import tensorflow as tf

from inputgrad_cli.engine.adapter import model_fixes
from inputgrad_cli.engine.adapter.captured_stderr import Noise
from inputgrad_cli.engine.adapter.forward import read_taps
from inputgrad_cli.engine.adapter.graph_size import refuse_large_graph, too_large
from inputgrad_cli.engine.adapter.hooks import BASELINE
from inputgrad_cli.engine.adapter.keras_adapter import Binding
from inputgrad_cli.engine.adapter.kernels import must_compile
from inputgrad_cli.engine.adapter.plain_errors import is_of_input
from inputgrad_cli.engine.adapter.scores import Pins
from inputgrad_cli.engine.adapter.startup import on
from inputgrad_cli.engine.computations import Program, folded
from inputgrad_cli.engine.tf_errors import cannot_compile, own_error, reason_of, told
from inputgrad_cli.errors import InputgradError, ItemError
from inputgrad_cli.interfaces.engine import Running
from inputgrad_cli.numeric.arrays import Array, Arrays, count

PARTS = 4  # of a batch, when threads share it: single-threaded kernels like small passes
SHORT = (
    "memory is too short for passes as large as asked for; from here on they are smaller,"
    " which may change the last digits of a result"
)
T = TypeVar("T")


class Runner:
    """One model under way. `alone` says that samples must be run one by one.

    `random` says that a layer draws at inference; all draws then start from `seed` at every pass.
    `notes` are what a reader should know of the passes, by code.
    """

    def __init__(
        self, binding: Binding, how: Running, workers: int, device: str | None, noise: Noise
    ) -> None:
        self.binding = binding
        model_fixes.keep_paddings(binding.model)
        self._stateful = model_fixes.is_stateful(binding.model)
        self._must_compile = must_compile()
        self.traced = how.traced or how.folded or self._must_compile
        self.folded = how.folded and not self._stateful
        self.padded = how.padded or how.folded
        self.alone = False
        self.random = False
        self.notes: dict[str, str] = {}
        self.seed = 0
        self.programs: dict[Any, Program] = {}
        self._tap_shapes: dict[Any, dict[str, Any]] = {}
        self.fixed = model_fixes.fixed_batch(binding.model)
        self._asked = how.batch_size
        self._threads = workers
        self._pool = ThreadPoolExecutor(workers)
        self.making = RLock()
        self._device, self._noise = device, noise
        self._telling = how.telling

    def adapt(self, alone: bool, random: bool, needs_graph: bool) -> None:
        """Follow what a sample showed: it must run alone, a layer draws, only a graph is right."""
        self.alone, self.random = alone, random
        self.folded = self.folded and not random
        # In a graph generators of TensorFlow go on, so that each pass needs a new one: costly.
        compiled = self.traced and not random
        self.traced = needs_graph or self._must_compile or compiled

    @property
    def mode(self) -> str:
        """Return how programs run: `eager`, `traced` or `folded`."""
        return "folded" if self.folded else "traced" if self.traced else "eager"

    @property
    def batch_size(self) -> int:
        """Return how many samples one pass holds: as asked, as fits, or as the model demands."""
        return 1 if self.alone else self.fixed or self._asked

    def passes(self, total: int) -> Iterator[tuple[Array, int]]:
        """Yield the rows of each pass, and how many are real: a fixed batch is filled up."""
        size = self.pass_size
        for start in range(0, total, size):
            rows = np.arange(start, min(start + size, total))
            filled = size if self.fixed or self.padded else len(rows)
            yield np.append(rows, [rows[-1]] * (filled - len(rows))).astype(np.intp), len(rows)

    @property
    def workers(self) -> int:
        """Return how many threads share the passes: only what is folded needs no state."""
        return self._threads if self.folded else 1

    @property
    def pass_size(self) -> int:
        """Return how many samples one pass holds: of a batch that several threads share, a part."""
        size = self.batch_size
        return size if self.fixed or self.workers == 1 else max(1, size // PARTS)

    def each(self, total: int, work: Callable[[Array, int], T]) -> list[T]:
        """Return what `work` gives for the rows of each pass; several at a time where that pays.

        Where memory is too short for a pass, it and all to come are made smaller.
        """
        passes = list(self.passes(total))
        if self.workers == 1 or len(passes) == 1:
            found = [self._fitted(work, *one) for one in passes]
        else:
            found = list(self._pool.map(lambda one: self._fitted(work, *one), passes))
        return [part for parts in found for part in parts]

    def _fitted(self, work: Callable[[Array, int], T], rows: Array, real: int) -> list[T]:
        """Return what `work` gives for the rows, in one pass or in as many as memory demands."""
        if len(rows) <= self.pass_size:
            try:
                return [work(rows, real)]
            except ItemError as error:
                if error.kind != "memory" or len(rows) == 1:
                    raise
                if self.fixed:
                    raise too_large(f"the model takes {self.fixed} samples at a time") from error
            # Not in the handler: its traceback holds what the pass had got of the memory.
            self._shrink(len(rows))
        passes = list(self.passes(real))
        return [part for some, n in passes for part in self._fitted(work, rows[some], n)]

    def _shrink(self, failed: int) -> None:
        """Halve the passes, after one of `failed` samples; threads may find that out together."""
        with self.making:
            parts = 1 if self.workers == 1 else PARTS
            self.notes["memory"] = SHORT
            self.resize(min(self._asked, failed // 2 * parts))

    def resize(self, batch_size: int) -> None:
        """Hold at most so many samples in one pass from here on."""
        with self.making:
            self._asked = batch_size
            if self.folded:  # traced for passes of one size, and each holds the weights
                self.programs.clear()
        gc.collect()

    def run(self, key: Any, make: Callable[[], Program], arrays: Arrays, pins: Any) -> Any:
        """Return what the program called `key` gives; it is made (and traced) the first time."""
        key = (key, count(arrays)) if self.folded else key
        with self.here():
            tensors = self.binding.tensors(arrays)
            if program := self.programs.get(key):
                return program(tensors, pins)
            with self.making:
                return self._first_run(key, make, tensors, pins)

    def _first_run(self, key: Any, make: Callable[[], Program], tensors: Any, pins: Any) -> Any:
        if program := self.programs.get(key):  # another thread was faster
            return program(tensors, pins)
        stage = "tracing the model" if self.traced else ""
        with (
            self._noise.kept(),
            self._telling.during(stage),
        ):  # TensorFlow talks most the first time
            program = self._compiled(make(), tensors, pins) if self.traced else make()
            result = program(tensors, pins)
        # In a graph the generators of TensorFlow go on where they were; a new graph starts anew.
        if not (self.random and self.traced):
            self.programs[key] = program
        return result

    def _compiled(self, program: Program, tensors: Any, pins: Any) -> Program:
        """Return the program traced, or as it is where it cannot be and eager kernels are safe."""
        whole = folded(program, self.binding.model, tensors) if self.folded else program
        # One trace for every batch: only the first axis, and what the model leaves open.
        signature = [self._specs(tensors), _pin_specs(pins)]
        traced = tf.function(whole, input_signature=signature, autograph=self.binding.own_code)
        try:
            refuse_large_graph(traced.get_concrete_function().graph, _rows(tensors))
        except (InputgradError, MemoryError, tf.errors.ResourceExhaustedError):
            raise
        except Exception as error:
            reason, _ = reason_of(error, self.binding.model)
            if is_of_input(error) or own_error(error):
                raise
            if self._must_compile:
                raise cannot_compile(reason) from error
            self.traced = self.folded = False
            self.notes["eager"] = f"the model cannot be compiled ({reason}); it runs eagerly"
            return program
        return cast(Program, traced)

    @contextmanager
    def here(self) -> Iterator[None]:
        """Compute in this block on the device asked for, from a known state.

        What TensorFlow raises is told as the item's fault.
        """
        with ExitStack() as stack:
            stack.enter_context(on(self._device))
            stack.enter_context(told(self.binding.model))
            if self._stateful:
                model_fixes.reset_states(self.binding.model)
            if self.random:
                model_fixes.seed(self.binding.model, self.seed)
            yield

    def _specs(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        shapes = {port.name: port.shape for port in self.binding.ports}
        if any(shape is None or None in shape for shape in shapes.values()):
            taps = {name.removeprefix(BASELINE) for name in tensors} - set(shapes)
            key = tuple((name, tuple(tensors[name].shape[1:])) for name in sorted(tensors))
            if taps and key not in self._tap_shapes:  # a trace of the model
                self._tap_shapes[key] = self._open_shapes(tensors, sorted(taps))
            shapes |= self._tap_shapes.get(key, {})
        specs = {}
        for name, tensor in tensors.items():
            shape = shapes.get(name.removeprefix(BASELINE)) or tensor.shape[1:]
            rows = tensor.shape[0] if self.folded else self.fixed
            specs[name] = tf.TensorSpec((rows, *shape), tensor.dtype)
        return specs

    def _open_shapes(self, tensors: Mapping[str, Any], taps: Sequence[str]) -> dict[str, Any]:
        """Return the shapes of taps behind inputs of any length, without the batch axis.

        What the model's graph fixes stays fixed, the width of an embedding: layers behind need it.
        """
        found = {tap: (*_any_shape(tensors[tap])[1:], tensors[tap].shape[-1]) for tap in taps}

        def run(inputs: dict[str, Any]) -> None:
            for tap, tensor in read_taps(self.binding, inputs, taps).items():
                alone = tensor.shape.rank < tensors[tap].shape.rank  # it has no batch axis
                found[tap] = tuple(tensor.shape if alone else tensor.shape[1:])

        ports = {
            port.name: tf.TensorSpec(
                (self.fixed, *(port.shape or tensors[port.name].shape[1:])),
                tensors[port.name].dtype,
            )
            for port in self.binding.ports
        }
        with suppress(Exception):  # the user's own code may raise anything where it is traced
            function = tf.function(run, input_signature=[ports], autograph=self.binding.own_code)
            function.get_concrete_function()
        return found


def _rows(tensors: Mapping[str, Any]) -> int:
    """Return how many samples a pass holds."""
    return max((int(tensor.shape[0] or 1) for tensor in tensors.values()), default=1)


def _any_shape(tensor: Any) -> tuple[int | None, ...]:
    return (None,) * (int(tensor.shape.rank) - 1)


def _pin_specs(pins: Any) -> Any:
    """Return the types of pins; truths and masks may be as large as outputs of open size."""
    if not isinstance(pins, Pins):
        return [_pin_specs(one) for one in pins]
    index, signs, offset = (tf.TensorSpec((None, *t.shape[1:]), t.dtype) for t in pins[:3])
    truth = tf.TensorSpec((None, *_any_shape(pins.truth)), pins.truth.dtype)
    return Pins(index, signs, offset, truth)

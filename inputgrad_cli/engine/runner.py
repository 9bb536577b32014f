"""Runs programs pass by pass, with tracing, threads, devices, layer states and random seeds."""

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
from inputgrad_cli.engine.adapter.captured_stderr import CapturedOutput
from inputgrad_cli.engine.adapter.forward import read_taps
from inputgrad_cli.engine.adapter.graph_size import build_memory_error, refuse_large_graph
from inputgrad_cli.engine.adapter.hooks import BASELINE
from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
from inputgrad_cli.engine.adapter.kernels import must_compile
from inputgrad_cli.engine.adapter.plain_errors import is_input_error
from inputgrad_cli.engine.adapter.scores import PinnedTensors
from inputgrad_cli.engine.adapter.startup import use_device
from inputgrad_cli.engine.adapter.value_types import TensorDict, Tensors
from inputgrad_cli.engine.computations import Program, fold_variables
from inputgrad_cli.engine.tf_errors import (
    as_item_errors,
    build_compile_error,
    describe_error,
    find_inputgrad_error,
)
from inputgrad_cli.errors import InputgradError, ItemError
from inputgrad_cli.interfaces.engine import EngineOptions
from inputgrad_cli.numeric.arrays import Array, Arrays, count_rows

# Threads that share a batch run it in parts, because single-threaded kernels are faster on those.
PARTS_PER_BATCH = 4
MEMORY_NOTE = (
    "memory is too short for passes as large as asked for; from here on they are smaller,"
    " which may change the last digits of a result"
)
T = TypeVar("T")


class Runner:
    """Runs the programs of one model.

    `single_samples` is true if each sample needs its own pass. `has_random_layer` is true if a
    layer draws random numbers at inference; every pass then starts from `seed`. `notes` are
    messages about the passes for the user, by code.
    """

    def __init__(
        self,
        adapter: KerasAdapter,
        options: EngineOptions,
        workers: int,
        device: str | None,
        output: CapturedOutput,
    ) -> None:
        self.adapter = adapter
        model_fixes.keep_paddings(adapter.model)
        self._stateful = model_fixes.is_stateful(adapter.model)
        self._must_compile = must_compile()
        self.traced = options.traced or options.folded or self._must_compile
        self.folded = options.folded and not self._stateful
        self.padded = options.padded or options.folded
        self.single_samples = False
        self.has_random_layer = False
        self.notes: dict[str, str] = {}
        self.seed = 0
        self.programs: dict[Any, Program] = {}
        self._tap_shapes: dict[Any, TensorDict] = {}
        self.fixed_batch = model_fixes.find_fixed_batch(adapter.model)
        self._requested_size = options.batch_size
        self._threads = workers
        self._pool = ThreadPoolExecutor(workers)
        self.build_lock = RLock()
        self._device, self._output = device, output
        self._progress = options.progress

    def adapt(self, single_samples: bool, has_random_layer: bool, needs_graph: bool) -> None:
        """Set how programs run: one sample per pass, with a random layer, only in a graph."""
        self.single_samples, self.has_random_layer = single_samples, has_random_layer
        self.folded = self.folded and not has_random_layer
        # In a graph TensorFlow's generators keep their state, so every pass would need a new graph.
        compiled = self.traced and not has_random_layer
        self.traced = needs_graph or self._must_compile or compiled

    @property
    def mode(self) -> str:
        """Return how programs run: `eager`, `traced` or `folded`."""
        return "folded" if self.folded else "traced" if self.traced else "eager"

    @property
    def batch_size(self) -> int:
        """Return the samples per pass, as requested, or less if memory or the model requires it."""
        return 1 if self.single_samples else self.fixed_batch or self._requested_size

    def split_into_passes(self, total: int) -> Iterator[tuple[Array, int]]:
        """Yield the rows of each pass and how many are real; the rest fill up a fixed batch."""
        size = self.pass_size
        for start in range(0, total, size):
            rows = np.arange(start, min(start + size, total))
            filled = size if self.fixed_batch or self.padded else len(rows)
            yield np.append(rows, [rows[-1]] * (filled - len(rows))).astype(np.intp), len(rows)

    @property
    def workers(self) -> int:
        """Return how many threads share the passes; only folded programs have no shared state."""
        return self._threads if self.folded else 1

    @property
    def pass_size(self) -> int:
        """Return how many samples one pass holds, which is a part of a batch that threads share."""
        size = self.batch_size
        return size if self.fixed_batch or self.workers == 1 else max(1, size // PARTS_PER_BATCH)

    def map_passes(self, total: int, work: Callable[[Array, int], T]) -> list[T]:
        """Return the results of `work` for the rows of each pass; threads share folded passes.

        If memory is too short for a pass, this pass and all later ones are made smaller.
        """
        passes = list(self.split_into_passes(total))
        if self.workers == 1 or len(passes) == 1:
            results = [self._run_or_split(work, *item) for item in passes]
        else:
            results = list(self._pool.map(lambda item: self._run_or_split(work, *item), passes))
        return [part for parts in results for part in parts]

    def _run_or_split(self, work: Callable[[Array, int], T], rows: Array, real: int) -> list[T]:
        """Return the results of `work` for the rows, in several passes if memory is short."""
        if len(rows) <= self.pass_size:
            try:
                return [work(rows, real)]
            except ItemError as error:
                if error.kind != "memory" or len(rows) == 1:
                    raise
                if self.fixed_batch:
                    raise build_memory_error(
                        f"the model takes {self.fixed_batch} samples at a time"
                    ) from error
            # Outside the handler, because its traceback holds the memory of the failed pass.
            self._shrink_passes(len(rows))
        passes = list(self.split_into_passes(real))
        return [
            part for selection, n in passes for part in self._run_or_split(work, rows[selection], n)
        ]

    def _shrink_passes(self, failed: int) -> None:
        """Halve the passes after one of `failed` samples; several threads may do so at once."""
        with self.build_lock:
            parts = 1 if self.workers == 1 else PARTS_PER_BATCH
            self.notes["memory"] = MEMORY_NOTE
            self.resize(min(self._requested_size, failed // 2 * parts))

    def resize(self, batch_size: int) -> None:
        """Set how many samples one pass holds at most from now on."""
        with self.build_lock:
            self._requested_size = batch_size
            if self.folded:  # each is traced for one size and holds a copy of the weights
                self.programs.clear()
        gc.collect()

    def run(self, key: Any, build_program: Callable[[], Program], arrays: Arrays, pins: Any) -> Any:
        """Run the program with this key; it is built, and traced if needed, the first time."""
        key = (key, count_rows(arrays)) if self.folded else key
        with self.begin_pass():
            tensors = self.adapter.to_tensors(arrays)
            if program := self.programs.get(key):
                return program(tensors, pins)
            with self.build_lock:
                return self._build_and_run(key, build_program, tensors, pins)

    def _build_and_run(
        self, key: Any, build_program: Callable[[], Program], tensors: Any, pins: Any
    ) -> Any:
        if program := self.programs.get(key):  # another thread was faster
            return program(tensors, pins)
        stage = "tracing the model" if self.traced else ""
        # TensorFlow writes most of its messages on the first run.
        with self._output.capture(), self._progress.report_stage(stage):
            program = build_program()
            if self.traced:
                program = self._compile(program, tensors, pins)
            result = program(tensors, pins)
        # In a graph TensorFlow's generators keep their state; a new graph starts from the seed.
        if not (self.has_random_layer and self.traced):
            self.programs[key] = program
        return result

    def _compile(self, program: Program, tensors: Any, pins: Any) -> Program:
        """Trace the program; return it untraced if that fails and eager kernels are safe."""
        compiled = program
        if self.folded:
            compiled = fold_variables(program, self.adapter.model, tensors)
        # One trace serves every batch, because the first axis and the model's open axes stay open.
        signature = [self._build_specs(tensors), _build_pin_specs(pins)]
        autograph = self.adapter.has_user_code
        traced = tf.function(compiled, input_signature=signature, autograph=autograph)
        try:
            refuse_large_graph(traced.get_concrete_function().graph, _count_rows(tensors))
        except (InputgradError, MemoryError, tf.errors.ResourceExhaustedError):
            raise
        except Exception as error:
            reason, _ = describe_error(error, self.adapter.model)
            if is_input_error(error) or find_inputgrad_error(error):
                raise
            if self._must_compile:
                raise build_compile_error(reason) from error
            self.traced = self.folded = False
            self.notes["eager"] = f"the model cannot be compiled ({reason}); it runs eagerly"
            return program
        return cast(Program, traced)

    @contextmanager
    def begin_pass(self) -> Iterator[None]:
        """Run this block on the requested device, from reset states and the seed.

        Errors of TensorFlow are raised as an ItemError.
        """
        with ExitStack() as stack:
            stack.enter_context(use_device(self._device))
            stack.enter_context(as_item_errors(self.adapter.model))
            if self._stateful:
                model_fixes.reset_states(self.adapter.model)
            if self.has_random_layer:
                model_fixes.seed_generators(self.adapter.model, self.seed)
            yield

    def _build_specs(self, tensors: Tensors) -> TensorDict:
        shapes = {spec.name: spec.shape for spec in self.adapter.input_specs}
        if any(shape is None or None in shape for shape in shapes.values()):
            taps = {name.removeprefix(BASELINE) for name in tensors} - set(shapes)
            key = tuple((name, tuple(tensors[name].shape[1:])) for name in sorted(tensors))
            if taps and key not in self._tap_shapes:  # finding them traces the model
                self._tap_shapes[key] = self._infer_tap_shapes(tensors, sorted(taps))
            shapes |= self._tap_shapes.get(key, {})
        specs = {}
        for name, tensor in tensors.items():
            shape = shapes.get(name.removeprefix(BASELINE)) or tensor.shape[1:]
            rows = tensor.shape[0] if self.folded else self.fixed_batch
            specs[name] = tf.TensorSpec((rows, *shape), tensor.dtype)
        return specs

    def _infer_tap_shapes(self, tensors: Tensors, taps: Sequence[str]) -> TensorDict:
        """Return the shapes of taps behind inputs with open axes, without the batch axis.

        Axes that the model's graph fixes, such as the width of an embedding, stay fixed, because
        later layers need them.
        """
        tap_shapes = {
            tap: (*_build_open_shape(tensors[tap])[1:], tensors[tap].shape[-1]) for tap in taps
        }

        def run(inputs: Tensors) -> None:
            for tap, tensor in read_taps(self.adapter, inputs, taps).items():
                has_no_batch = tensor.shape.rank < tensors[tap].shape.rank
                tap_shapes[tap] = tuple(tensor.shape if has_no_batch else tensor.shape[1:])

        signature = {
            spec.name: tf.TensorSpec(
                (self.fixed_batch, *(spec.shape or tensors[spec.name].shape[1:])),
                tensors[spec.name].dtype,
            )
            for spec in self.adapter.input_specs
        }
        with suppress(Exception):  # the user's own code may raise anything where it is traced
            function = tf.function(
                run, input_signature=[signature], autograph=self.adapter.has_user_code
            )
            function.get_concrete_function()
        return tap_shapes


def _count_rows(tensors: Mapping[str, Any]) -> int:
    """Return how many samples a pass holds."""
    return max((int(tensor.shape[0] or 1) for tensor in tensors.values()), default=1)


def _build_open_shape(tensor: Any) -> tuple[int | None, ...]:
    return (None,) * (int(tensor.shape.rank) - 1)


def _build_pin_specs(pins: Any) -> Any:
    """Return the tensor specs of pins; truths and masks have open axes, as outputs may have."""
    if not isinstance(pins, PinnedTensors):
        return [_build_pin_specs(item) for item in pins]
    index, signs, offset = (tf.TensorSpec((None, *t.shape[1:]), t.dtype) for t in pins[:3])
    truth = tf.TensorSpec((None, *_build_open_shape(pins.truth)), pins.truth.dtype)
    return PinnedTensors(index, signs, offset, truth)

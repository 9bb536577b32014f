"""Runs programs pass by pass, in threads if that pays, and in smaller passes if memory is short."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from inputgrad_cli.data.resolved_and_pinned_targets import PinnedTarget, ResolvedTarget
from inputgrad_cli.engine.adapter.graph_memory_check import build_memory_error
from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.model_examination_facts import Calibration
from inputgrad_cli.engine.pass_setup import PassContext
from inputgrad_cli.engine.tensor_array_conversion import to_pins
from inputgrad_cli.engine.traced_function_compiler import EagerOnlyError, Program, ProgramCompiler
from inputgrad_cli.errors import ItemError
from inputgrad_cli.interfaces.engine import EngineOptions
from inputgrad_cli.numeric.array_helpers import Array, Arrays, count_rows, take_rows

# Threads that share a batch run it in parts, because single-threaded kernels are faster on those.
PARTS_PER_BATCH = 4
MEMORY_NOTE = (
    "memory is too short for passes as large as asked for; from here on they are smaller,"
    " which may change the last digits of a result"
)
T = TypeVar("T")


@dataclass
class RunState:
    """All that changes while a model runs, under the build lock; its runners share it.

    `batch_size` is the most samples that one pass may hold, and `memory_note` says that memory has
    made it smaller. `programs` are those built so far, by key.
    """

    batch_size: int
    compiler: ProgramCompiler
    memory_note: str = ""
    programs: dict[Any, Program] = field(default_factory=dict)


class Runner:
    """Runs the programs of one model as its calibration demands."""

    def __init__(
        self,
        context: PassContext,
        options: EngineOptions,
        calibration: Calibration,
        *,
        state: RunState | None = None,
    ) -> None:
        self.context, self.adapter = context, context.adapter
        self._options, self._calibration = options, calibration
        self._state = state or RunState(
            options.batch_size, ProgramCompiler(context.adapter, context.fixed_batch)
        )

    def replace_calibration(self, calibration: Calibration) -> Runner:
        """Return the runner for other facts, which shares programs and sizes with this one."""
        return Runner(self.context, self._options, calibration, state=self._state)

    @property
    def calibration(self) -> Calibration:
        """Return the facts that the programs are run by; a failed compilation changes the mode."""
        return self._calibration

    @property
    def programs(self) -> dict[Any, Program]:
        """Return the programs built so far, by key."""
        return self._state.programs

    @property
    def notes(self) -> dict[str, str]:
        """Return messages about the model and its passes for the user, by code."""
        memory = {"memory": self._state.memory_note} if self._state.memory_note else {}
        return {**self._calibration.notes, **memory}

    @property
    def _is_folded(self) -> bool:
        return self._calibration.mode == "folded"

    @property
    def batch_size(self) -> int:
        """Return the samples per pass, as requested, or less if memory or the model requires it."""
        if self._calibration.needs_single_samples:
            return 1
        return self.context.fixed_batch or self._state.batch_size

    @property
    def workers(self) -> int:
        """Return how many threads share the passes; only folded programs have no shared state.

        It is 0 if each kernel has all threads.
        """
        return self.context.workers if self._is_folded else 0

    @property
    def pass_size(self) -> int:
        """Return how many samples one pass holds, which is a part of a batch that threads share.

        It is the same for any number of threads, so that the last digits of a result do not depend
        on the number of cores.
        """
        size, is_whole = self.batch_size, self.context.fixed_batch or not self.workers
        return size if is_whole else max(1, size // PARTS_PER_BATCH)

    def resize(self, batch_size: int) -> None:
        """Set how many samples one pass holds at most from now on."""
        with self.context.build_lock:
            self._state.batch_size = batch_size
            if self._is_folded:  # each is traced for one size and holds a copy of the weights
                self._state.programs.clear()
        gc.collect()

    def split_into_passes(self, total: int) -> Iterator[tuple[Array, int]]:
        """Yield the rows of each pass and how many are real; the rest fill up a fixed batch."""
        size = self.pass_size
        is_filled = self.context.fixed_batch or self._options.padded or self._options.folded
        for start in range(0, total, size):
            rows = np.arange(start, min(start + size, total))
            filled = size if is_filled else len(rows)
            yield np.append(rows, [rows[-1]] * (filled - len(rows))).astype(np.intp), len(rows)

    def list_first_rows(self) -> Array:
        """Return the rows of a pass over the first sample alone."""
        rows, _ = next(self.split_into_passes(1))
        return rows

    def map_passes(self, total: int, work: Callable[[Array, int], T]) -> list[T]:
        """Return the results of `work` for the rows of each pass; threads share folded passes.

        If memory is too short for a pass, this pass and all later ones are made smaller.
        """
        passes = list(self.split_into_passes(total))
        if self.workers <= 1 or len(passes) == 1:
            results = [self._run_or_split(work, *item) for item in passes]
        else:
            pool = self.context.pool
            results = list(pool.map(lambda item: self._run_or_split(work, *item), passes))
        return [part for parts in results for part in parts]

    def _run_or_split(self, work: Callable[[Array, int], T], rows: Array, real: int) -> list[T]:
        """Return the results of `work` for the rows, in several passes if memory is short."""
        if len(rows) <= self.pass_size:
            try:
                return [work(rows, real)]
            except ItemError as error:
                if error.kind != "memory" or len(rows) == 1:
                    raise
                if fixed := self.context.fixed_batch:
                    raise build_memory_error(
                        f"the model takes {fixed} samples at a time"
                    ) from error
            # Outside the handler, because its traceback holds the memory of the failed pass.
            self._shrink_passes(len(rows))
        passes = list(self.split_into_passes(real))
        return [
            part for selection, n in passes for part in self._run_or_split(work, rows[selection], n)
        ]

    def _shrink_passes(self, failed: int) -> None:
        """Halve the passes after one of `failed` samples; several threads may do so at once."""
        with self.context.build_lock:
            parts = PARTS_PER_BATCH if self.workers else 1
            self._state.memory_note = MEMORY_NOTE
            self.resize(min(self._state.batch_size, failed // 2 * parts))

    def begin_pass(self) -> AbstractContextManager[None]:
        """Return the context of one pass, which starts from the seed if the model needs one."""
        return self.context.begin_pass(self._calibration.seed)

    def run_target(
        self,
        inputs: Arrays,
        target: PinnedTarget,
        *,
        kind: tuple[object, ...],
        build_program: Callable[[ResolvedTarget], Program],
    ) -> list[tuple[Arrays, int, Any]]:
        """Run a program about the target over all passes of a batch.

        Return, per pass, its inputs, how many of them are real, and the program's result. `kind`
        tells the program from others about the same target.
        """
        choice = target.resolved.to_trace_key(pinned=True)
        fed = tuple(name for name in inputs if is_tap(name))  # each set of taps needs its own trace
        key = (*kind, choice, target.index.shape[1:], fed)

        def work(rows: Array, real: int) -> tuple[Arrays, int, Any]:
            part, pins = take_rows(inputs, rows), to_pins(target.take(rows))
            return part, real, self.run(key, lambda: build_program(choice), part, pins)

        return self.map_passes(count_rows(inputs), work)

    def run(self, key: Any, build_program: Callable[[], Program], arrays: Arrays, pins: Any) -> Any:
        """Run the program with this key; it is built, and traced if needed, the first time."""
        key = (key, count_rows(arrays)) if self._is_folded else key
        with self.begin_pass():
            tensors = self.adapter.to_tensors(arrays)
            if program := self._state.programs.get(key):
                return program(tensors, pins)
            with self.context.build_lock:
                return self._build_and_run(key, build_program, tensors, pins)

    def _build_and_run(
        self, key: Any, build_program: Callable[[], Program], tensors: Any, pins: Any
    ) -> Any:
        if program := self._state.programs.get(key):  # another thread was faster
            return program(tensors, pins)
        is_traced = self._calibration.mode != "eager"
        stage = "tracing the model" if is_traced else ""
        # TensorFlow writes most of its messages on the first run.
        with self.context.output.capture(), self._options.progress.report_stage(stage):
            program = build_program()
            if is_traced:
                program = self._compile(program, tensors, pins)
            result = program(tensors, pins)
        # In a graph TensorFlow's generators keep their state; a new graph starts from the seed.
        if self._calibration.seed is None or self._calibration.mode == "eager":
            self._state.programs[key] = program
        return result

    def _compile(self, program: Program, tensors: Any, pins: Any) -> Program:
        """Trace the program; return it untraced, and run eagerly from now on, if that fails."""
        try:
            return self._state.compiler.compile(program, tensors, pins, folded=self._is_folded)
        except EagerOnlyError as error:
            note = f"the model cannot be compiled ({error}); it runs eagerly"
            self._calibration = self._calibration.run_eagerly(note)
            return program

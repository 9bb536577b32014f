"""Begins single passes over a model: on its device, from reset states, with errors of the item."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import RLock

from inputgrad_cli.engine.adapter import model_fixes
from inputgrad_cli.engine.adapter.captured_stderr import CapturedOutput
from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
from inputgrad_cli.engine.adapter.tensorflow_startup import use_device
from inputgrad_cli.engine.tensorflow_error_conversion import as_item_errors


class PassContext:
    """What every pass over a model needs, also the one that calibrates it.

    `device` is TensorFlow's name of it, None for TensorFlow's choice. `workers` threads of `pool`
    may share passes, whose kernels have one thread then; with 0 each kernel has all threads.
    `output` captures what TensorFlow writes. `fixed_batch` is the batch size that the model was
    built for, if any. `build_lock` is held by the thread that hooks a layer, or builds a program.
    """

    def __init__(
        self,
        adapter: KerasAdapter,
        *,
        device: str | None = None,
        workers: int = 0,
        output: CapturedOutput | None = None,
    ) -> None:
        self.adapter, self.workers = adapter, workers
        self.output = output or CapturedOutput()
        self.pool = ThreadPoolExecutor(max(1, workers))
        # Reentrant, because the thread that hooks a layer then builds the program to read it.
        self.build_lock = RLock()
        self.fixed_batch = model_fixes.find_fixed_batch(adapter.model)
        self.is_stateful = model_fixes.is_stateful(adapter.model)
        self._device = device
        model_fixes.keep_paddings(adapter.model)

    @contextmanager
    def begin_pass(self, seed: int | None = None) -> Iterator[None]:
        """Run this block on the requested device, from reset states and the seed, if there is one.

        Errors of TensorFlow are raised as an ItemError.
        """
        with use_device(self._device), as_item_errors(self.adapter.model):
            if self.is_stateful:
                model_fixes.reset_states(self.adapter.model)
            if seed is not None:
                model_fixes.seed_generators(self.adapter.model, seed)
            yield

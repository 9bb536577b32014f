"""Holds the opened model of a run in a process, and tells the run what it is like."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from inputgrad_cli import api
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import Signature
from inputgrad_cli.explanation.request_checks import refuse_labels
from inputgrad_cli.interfaces.engine import NO_PROGRESS, ProgressCallbacks
from inputgrad_cli.runs.planning.mode_and_batch_size import Schedule
from inputgrad_cli.runs.planning.run_plan import Plan
from inputgrad_cli.supervision.shared_memory_page import Stage
from inputgrad_cli.supervision.worker_state_reporting import WORKER


@dataclass(frozen=True)
class ModelFacts:
    """What a run must know of its opened model, which itself cannot leave its process.

    `batch_size` is the number of samples in a pass now, which is smaller than requested if memory
    was too short. `parallel_calls` is how many batches should be computed in parallel, or 0.
    `notes` are remarks that belong in a report, by code. `versions` are those of the libraries of
    its process.
    """

    signature: Signature
    mode: str
    kernels: str
    batch_size: int
    parallel_calls: int
    notes: Mapping[str, str]
    versions: Mapping[str, str]


class ModelHolder:
    """Opens the model when it is first needed, because a run that is done needs no TensorFlow.

    `should_stop` says whether a search is to end between two of its steps.
    """

    def __init__(
        self,
        plan: Plan,
        schedule: Schedule,
        callbacks: ProgressCallbacks = NO_PROGRESS,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.callbacks, self.should_stop = callbacks, should_stop
        self._plan, self._schedule = plan, schedule
        self._batch_size = schedule.batch_size
        self._model: api.Model | None = None
        self._is_ready = False

    @property
    def model(self) -> api.Model:
        """Return the model, opening it the first time."""
        if self._model is None:
            options, schedule = self._plan.options, self._schedule
            WORKER.enter_stage(Stage.OPENING, str(options.model))
            self._model = api.load(
                self._plan.model_file,
                code=options.code,
                trust=options.trust,
                device=options.device,
                labels=self._plan.labels,
                batch_size=self._batch_size,
                traced=schedule.mode != "eager",
                folded=schedule.mode == "folded",
                padded=schedule.padded,
                telling=self.callbacks,
                kernels=schedule.kernels,
            )
            WORKER.enter_stage(Stage.COMPUTING, str(options.model))
        return self._model

    def resize(self, size: int) -> None:
        """Limit each pass to `size` samples from now on."""
        # A pass that was made smaller because memory was too short stays so.
        if self._model and size != self._batch_size:
            self._model.engine.resize(size)
        self._batch_size = size

    def calibrate(self, samples: Samples) -> None:
        """Prepare the model by one of the samples, unless batches were explained already.

        Raises UsageError if the class names do not fit the outputs.
        """
        # A sample at which the model fails shows nothing of it, and the next one is tried.
        if not self._is_ready:
            plan, options = self._plan, self._plan.options
            self.model.calibrate(samples, plan.all_targets, options.precision, options.seed)
            refuse_labels(plan.labels, self.model.signature.outputs)

    def set_ready(self) -> None:
        """Note that samples have been explained, so that the model is known to work."""
        if self._is_ready:
            return
        self._is_ready = True
        # TensorFlow and the model stay in memory, so the garbage collector can ignore them.
        if WORKER.page or not gc.get_freeze_count():
            gc.freeze()

    @property
    def facts(self) -> ModelFacts | None:
        """Return what is known of the model, None until samples have been explained."""
        if not self._is_ready:
            return None
        engine = self.model.engine
        return ModelFacts(
            engine.signature,
            engine.mode,
            engine.kernels,
            engine.batch_size,
            engine.parallel_calls,
            engine.notes,
            api.list_versions(),
        )

    @property
    def messages(self) -> str:
        """Return what TensorFlow has written to stderr, empty until samples were explained."""
        return self.model.messages if self._is_ready else ""

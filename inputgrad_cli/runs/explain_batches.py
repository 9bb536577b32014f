"""Opens the model of a run when the first batch needs it, and explains batch after batch."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from inputgrad_cli import api
from inputgrad_cli.data.baselines import Baseline, FromFile
from inputgrad_cli.data.image_options import ImageOptions
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.data.target_text import Target
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.explanation.batch import BatchAttribution, explain_batch
from inputgrad_cli.explanation.early_checks import refuse_labels
from inputgrad_cli.explanation.item_record import Provenance
from inputgrad_cli.explanation.request import ExplainRequest
from inputgrad_cli.formats.baseline_files import read_baseline, read_baseline_bytes
from inputgrad_cli.interfaces.engine import NO_PROGRESS, ProgressCallbacks
from inputgrad_cli.numeric.arrays import Array
from inputgrad_cli.runs.batching import Chunk, yield_chunks
from inputgrad_cli.runs.inputs.loader import LoadedItem
from inputgrad_cli.runs.planning.pixel_record import has_picture_files, hash_code, read_pixel_record
from inputgrad_cli.runs.planning.plan import Plan
from inputgrad_cli.runs.planning.schedule import Schedule
from inputgrad_cli.runs.spill_buffer import SpillBuffer
from inputgrad_cli.schema.json_object import JsonObject
from inputgrad_cli.schema.records import RunRecord
from inputgrad_cli.supervision.shared_page import Stage
from inputgrad_cli.supervision.worker import WORKER


@dataclass(frozen=True)
class BatchResult:
    """The attributions of each pass over a batch, their provenance, and the seconds per sample."""

    batch: Sequence[LoadedItem]
    passes: Sequence[Sequence[BatchAttribution]]
    provenance: Provenance
    seconds: float

    @property
    def nbytes(self) -> int:
        """Return how many bytes of memory the values take."""
        return sum(
            a.nbytes
            for part in self.passes
            for attribution in part
            for a in attribution.values.values()
        )


@dataclass(frozen=True)
class BatchFailure:
    """A batch that could not be explained, because one of its items is at fault."""

    batch: Sequence[LoadedItem]
    error: ItemError


class BatchExplainer:
    """Explains batches; opens the model late, because a run that is done needs no TensorFlow."""

    def __init__(
        self,
        plan: Plan,
        schedule: Schedule,
        opened: Callable[[api.Model], None],
        callbacks: ProgressCallbacks = NO_PROGRESS,
    ) -> None:
        self._plan, self._schedule, self._notify_opened = plan, schedule, opened
        self._callbacks = callbacks
        self._is_ready = False
        self._batch_size = schedule.batch_size
        self._model: api.Model | None = None

    @property
    def plan(self) -> Plan:
        """Return the plan, updated with what the opened model has shown."""
        return self._plan

    def resolve_pixels(self, earlier: RunRecord | None) -> None:
        """Find out the pixel preprocessing from the opened model if its file does not show it.

        If an earlier run has recorded it, the model is not opened.
        """
        plan = self._plan
        if plan.pixels.is_final or not (has_picture_files(plan) or plan.options.baseline):
            return
        pixels = read_pixel_record(earlier, plan.model_file.sha256, hash_code(plan.options.code))
        pixels = pixels or self.model.resolve_preprocessing(plan.options.preprocess)
        self._plan = replace(plan, pixels=pixels)

    @property
    def model(self) -> api.Model:
        """Return the model, opening it the first time."""
        if self._model is None:
            options = self._plan.options
            WORKER.enter_stage(Stage.OPENING, str(options.model))
            self._model = api.load(
                self._plan.model_file,
                code=options.code,
                trust=options.trust,
                device=options.device,
                labels=self._plan.labels,
                batch_size=self._batch_size,
                traced=self._schedule.mode != "eager",
                folded=self._schedule.mode == "folded",
                padded=self._schedule.padded,
                telling=self._callbacks,
                kernels=self._schedule.kernels,
            )
            WORKER.enter_stage(Stage.COMPUTING, str(options.model))
        return self._model

    def resize(self, size: int) -> None:
        """Limit each pass to `size` samples from now on."""
        if self._model and size != self._batch_size:
            self._model.engine.resize(size)
        self._batch_size = size

    def list_inputs(self) -> tuple[InputSpec, ...]:
        """Return the model's inputs, from the model file if it names them."""
        return self._plan.outline.inputs or self.model.signature.inputs

    @property
    def parallel_calls(self) -> int:
        """Return how many batches should be computed in parallel; 0 while no model is open."""
        return self.model.engine.parallel_calls if self._is_ready else 0

    def explain(
        self, batch: Sequence[LoadedItem], shared: bool = False
    ) -> BatchResult | BatchFailure:
        """Explain a batch; return the error instead if one of its items is at fault.

        `shared` means that other batches are computed at the same time.
        """
        start, names = time.monotonic(), [loaded.item.name for loaded in batch]
        _ = self.model  # opened first, so that a crash while opening is not blamed on an item
        try:
            with WORKER.mark_under_way(names):
                passes, provenance = self._explain_chunks(batch, shared), self._build_provenance()
        except ItemError as error:
            return BatchFailure(batch, error)
        seconds = (time.monotonic() - start) / sum(len(loaded.samples) for loaded in batch)
        return BatchResult(batch, passes, provenance, seconds)

    def _explain_chunks(
        self, batch: Sequence[LoadedItem], shared: bool
    ) -> list[list[BatchAttribution]]:
        """Return the attributions of each pass over the usable samples of a batch."""
        passes: list[list[BatchAttribution]] = []
        buffer, is_many = SpillBuffer(self._plan.options.out), batch[0].fills_batch
        sample_count = 0
        for chunk in yield_chunks(batch, self._batch_size):
            samples = chunk.samples
            request = self._build_request(batch[0], chunk.targets)
            if not self._is_ready:
                plan, options = self._plan, self._plan.options
                self.model.calibrate(samples, plan.all_targets, options.precision, options.seed)
                refuse_labels(self._plan.labels, self.model.signature.outputs)
            self._callbacks.on_stage("")  # ends the report of an earlier stage, such as opening
            attributions = self._explain_chunk(samples, request, chunk, shared and not is_many)
            passes.append(buffer.keep(attributions) if is_many else attributions)
            if is_many:
                sample_count += len(samples)
                self._callbacks.on_samples(sample_count, len(batch[0].samples))
            if not self._is_ready:
                self._notify_opened(self.model)
                self._is_ready = True
        if not passes:
            raise ItemError(f"{batch[0].item.path}: no sample of it can be used", kind="empty")
        return passes

    def _explain_chunk(
        self, samples: Samples, request: ExplainRequest, chunk: Chunk, shared: bool
    ) -> list[BatchAttribution]:
        try:
            return explain_batch(
                self.model.engine, samples, request, chunk.truth, parallel=not shared
            )
        except UsageError as error:
            if chunk.targets is None:
                raise
            # A target from a file belongs to one item, so only that item fails.
            raise ItemError(
                error.message, reason=error.reason, hint=error.hint, kind="target"
            ) from None

    def _build_provenance(self) -> Provenance:
        """Build the facts that the records of all items share."""
        return api.build_provenance(self.model, self._build_request(None, None))

    def _build_request(
        self, loaded: LoadedItem | None, targets: tuple[Target, ...] | None
    ) -> ExplainRequest:
        plan, options = self._plan, self._plan.options
        labels = {item_map.spec.label for item_map, _ in loaded.todo} if loaded else set()
        return ExplainRequest(
            tuple(
                requested
                for requested in plan.methods
                if loaded is None or requested.label in labels
            ),
            targets or options.targets,
            options.space,
            options.wrt,
            plan.baseline,
            options.seed,
            options.tolerance,
            plan.labels,
            api.find_pixel_inputs(self.list_inputs(), plan.pixels),
            plan.masks,
            self.model.compiled_loss,
            self._baseline_samples,
            options.check_grad,
        )

    @cached_property
    def _baseline_samples(self) -> dict[str, Array]:
        return read_baseline(self._plan.baseline, self._plan.build_reading(self.list_inputs()))


def _hash_baseline_file(baseline: Baseline | None) -> str | None:
    """Return the hash of the file that a baseline comes from, None for other baselines."""
    if not isinstance(baseline, FromFile):
        return None
    return hashlib.sha256(read_baseline_bytes(baseline)).hexdigest()


def _format_image_options(options: ImageOptions) -> str:
    """Format the picture options for a fingerprint."""
    # Fingerprints are compared with stored ones, so the names must stay as they were.
    resize = options.resize
    return (
        f"Viewing(resize=Resize(how={resize.mode!r}, interp={resize.interp!r}), "
        f"frame={options.frame!r}, span={options.value_range!r})"
    )


def build_fingerprint_facts(plan: Plan) -> JsonObject:
    """Build the facts that determine the arrays of all items, except an item's own content."""
    options = plan.options
    return {
        "model": plan.model_file.sha256,
        "space": options.space,
        "wrt": options.wrt,
        "baseline": [repr(plan.baseline), _hash_baseline_file(plan.baseline)],
        "preprocess": plan.pixels.list_facts(),
        "aliases": dict(options.aliases),
        "viewing": _format_image_options(options.viewing),
        **({"columns": list(options.columns)} if options.columns else {}),
        "seed": options.seed,
        "tolerance": options.tolerance,
        "code": hash_code(options.code),
        "precision": options.precision,
        **({"check_grad": True} if options.check_grad else {}),
    }

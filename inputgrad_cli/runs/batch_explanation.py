"""Explains a batch of loaded items, with the model that this process holds."""

from __future__ import annotations

import time

from inputgrad_cli import api
from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.explanation.batch_attribution import BatchAttribution, explain_batch
from inputgrad_cli.explanation.request import ExplainRequest
from inputgrad_cli.runs.batching import Chunk, yield_chunks
from inputgrad_cli.runs.model_holder import ModelHolder
from inputgrad_cli.runs.spill_buffer import SpillBuffer
from inputgrad_cli.runs.tasks.explain_tasks import (
    BatchFailure,
    BatchOutcome,
    BatchResult,
    BatchTask,
    ExplainTask,
    SearchStoppedError,
    StoppedBatch,
)
from inputgrad_cli.runs.tasks.load_tasks import LoadedItem
from inputgrad_cli.runs.tasks.run_context import PROCESS, RunContext
from inputgrad_cli.supervision.worker_state_reporting import WORKER


def explain(task: BatchTask) -> BatchOutcome:
    """Explain a batch, or return what needs no explanation; UsageError, ModelError.

    If one of the items is at fault, the result is a failure with its error.
    """
    return _explain_task(task) if isinstance(task, ExplainTask) else task


def _explain_task(task: ExplainTask) -> BatchResult | BatchFailure | StoppedBatch:
    start, batch, context, holder = time.monotonic(), task.batch, PROCESS.context, PROCESS.model
    holder.resize(task.size)
    _ = holder.model  # opened first, so that a crash while opening is not blamed on an item
    try:
        with WORKER.mark_under_way([loaded.item.name for loaded in batch]):
            passes = _explain_chunks(task, context, holder)
            provenance = api.build_provenance(
                holder.model, _build_request(context, holder, None, None)
            )
    except SearchStoppedError:
        return StoppedBatch()
    except ItemError as error:
        return BatchFailure(task, error, holder.facts)
    seconds = (time.monotonic() - start) / sum(len(loaded.samples) for loaded in batch)
    return BatchResult(batch, passes, provenance, seconds, holder.facts)


def _explain_chunks(
    task: ExplainTask, context: RunContext, holder: ModelHolder
) -> list[list[BatchAttribution]]:
    """Return the attributions of each pass over the usable samples of a batch."""
    passes: list[list[BatchAttribution]] = []
    first, is_many = task.batch[0], task.batch[0].fills_batch
    buffer = SpillBuffer(context.plan.options.out)
    sample_count = 0
    for chunk in yield_chunks(task.batch, task.size):
        holder.calibrate(chunk.samples)
        holder.callbacks.on_stage("")  # ends the report of an earlier stage, such as opening
        attributions = _compute_chunk(task, chunk, context, holder)
        passes.append(buffer.keep(attributions) if is_many else attributions)
        if is_many:
            sample_count += len(chunk.samples)
            holder.callbacks.on_samples(sample_count, len(first.samples))
        holder.set_ready()
    if not passes:
        raise ItemError(f"{first.item.path}: no sample of it can be used", kind="empty")
    return passes


def _compute_chunk(
    task: ExplainTask, chunk: Chunk, context: RunContext, holder: ModelHolder
) -> list[BatchAttribution]:
    first = task.batch[0]
    is_shared = task.shared and not first.fills_batch
    try:
        if context.plan.goals:
            # Imported here, because `saliency` needs nothing of it.
            from inputgrad_cli.runs.optimization.chunk_optimization import search_chunk

            return search_chunk(context, holder, first, chunk)
        request = _build_request(context, holder, first, chunk.targets)
        return explain_batch(
            holder.model.engine, chunk.samples, request, chunk.truth, parallel=not is_shared
        )
    except UsageError as error:
        if chunk.targets is None:
            raise
        # A target from a file belongs to one item, so only that item fails.
        raise ItemError(
            error.message, reason=error.reason, hint=error.hint, kind="target"
        ) from None


def _build_request(
    context: RunContext,
    holder: ModelHolder,
    loaded: LoadedItem | None,
    targets: tuple[Target, ...] | None,
) -> ExplainRequest:
    plan, options = context.plan, context.plan.options
    # Methods whose maps exist already are not computed again.
    labels = {missing.item_map.spec.label for missing in loaded.todo} if loaded else set()
    return ExplainRequest(
        tuple(
            requested for requested in plan.methods if loaded is None or requested.label in labels
        ),
        targets or options.targets,
        options.space,
        options.wrt,
        plan.baseline,
        options.seed,
        options.tolerance,
        plan.labels,
        api.find_pixel_inputs(context.read_options.specs, plan.pixels),
        plan.masks,
        holder.model.compiled_loss,
        context.baseline_samples,
        options.check_grad,
        options.shown_classes,
    )

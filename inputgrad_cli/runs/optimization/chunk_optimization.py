"""Optimizes a batch of loaded items, with the model that this process holds."""

from __future__ import annotations

from inputgrad_cli.explanation.batch_attribution import BatchAttribution
from inputgrad_cli.explanation.batch_optimization import SearchRequest, search_batch
from inputgrad_cli.optimization.request import OptimizeRequest, SearchHooks, parse_until
from inputgrad_cli.python_api.optimize import build_pixel_store
from inputgrad_cli.runs.batching import Chunk
from inputgrad_cli.runs.model_holder import ModelHolder
from inputgrad_cli.runs.tasks.explain_tasks import SearchStoppedError
from inputgrad_cli.runs.tasks.load_tasks import LoadedItem
from inputgrad_cli.runs.tasks.run_context import RunContext


def search_chunk(
    context: RunContext, holder: ModelHolder, loaded: LoadedItem, chunk: Chunk
) -> list[BatchAttribution]:
    """Return the results of a chunk for the goals whose maps `loaded` lacks, as all of its batch.

    Raises SearchStoppedError if the run was asked to stop meanwhile.
    """
    hooks = SearchHooks(
        should_stop=holder.should_stop,
        on_step=lambda done, total: holder.callbacks.on_stage(f"step {done} of {total}"),
        store_pixels=build_pixel_store(context.read_options),
    )
    request = _build_request(context, holder, loaded, chunk)
    search = context.plan.options.search
    results = search_batch(
        holder.model.engine,
        chunk.samples,
        request,
        chunk.truth,
        hooks=hooks,
        keeps_frames=search is not None and search.gif,
    )
    holder.callbacks.on_stage("")
    if holder.should_stop():
        raise SearchStoppedError
    return results


def _build_request(
    context: RunContext,
    holder: ModelHolder,
    loaded: LoadedItem,
    chunk: Chunk,
) -> SearchRequest:
    plan, options = context.plan, context.plan.options
    search = options.search
    assert search is not None
    labels = {missing.item_map.spec.label for missing in loaded.todo}
    goals = tuple(requested for requested in plan.goals if requested.label in labels)
    common = OptimizeRequest(
        goals[0].goal,
        space=options.space,
        wrt=options.wrt,
        until=parse_until(search.until),
        limits=context.limits,
        seed=options.seed,
        from_noise=loaded.item.is_generated,
        labels=plan.labels,
        masks=plan.masks,
        compiled_loss=holder.model.compiled_loss,
    )
    return SearchRequest(goals, chunk.targets or options.targets, common)

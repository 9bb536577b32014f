"""Loads an item: reads its files, and skips maps that are finished."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.blank_sample import build_blank_sample
from inputgrad_cli.formats.read_samples import open_file, read_samples
from inputgrad_cli.formats.streaming.hash_checked_file import hash_content
from inputgrad_cli.runs.tasks.load_tasks import (
    FailedItem,
    LoadedItem,
    LoadResult,
    LoadTask,
    MissingMap,
    SkippedMap,
)
from inputgrad_cli.runs.tasks.run_context import PROCESS, RunContext
from inputgrad_cli.storage.journal import compute_fingerprint
from inputgrad_cli.storage.requested_maps import MapSpec
from inputgrad_cli.supervision.worker_state_reporting import WORKER


def load(task: LoadTask) -> list[LoadResult]:
    """Load an item; return its finished maps, then what remains of it, or why it cannot be used."""
    with WORKER.mark_under_way([task.item.name]):
        return list(_load_item(task, PROCESS.context))


def _load_item(task: LoadTask, context: RunContext) -> Iterator[LoadResult]:
    item, annotations = task.item, context.annotations
    missing = [item_map for item_map, _ in task.maps]
    try:
        if item.error is not None:
            raise item.error
        paths = {} if item.is_generated else item.paths
        files = {name: open_file(path) for name, path in paths.items()}
        # Hashed before anything is decoded, because a map that exists needs no more than that.
        hashes = {name: hash_content(data) for name, data in files.items()}
        todo = []
        for item_map, line in task.maps:
            fingerprint = _compute_fingerprint(task, item_map.spec, hashes, context)
            if line is not None and context.written_files.is_complete(line, fingerprint):
                # What fails from here on concerns only the maps that are still missing.
                missing.remove(item_map)
                yield SkippedMap(item_map, line)
            else:  # not written yet, or from other inputs or options
                todo.append(MissingMap(item_map, fingerprint, line))
        if todo:
            samples = (
                build_blank_sample(context.read_options)
                if item.is_generated
                else read_samples(files, item.paths, context.read_options)
            )
            samples = replace(samples, item=item.name)
            truth = annotations.get_truth(item.name, task.index, len(samples))
            targets = annotations.get_targets(item.name, len(samples))
            yield LoadedItem(item, samples, tuple(todo), truth, targets, hashes)
    except ItemError as error:
        yield FailedItem(item, error, tuple(missing))


def _compute_fingerprint(
    task: LoadTask, spec: MapSpec, hashes: Mapping[str | None, str], context: RunContext
) -> str:
    facts = {
        **context.facts,
        "map": [spec.label, spec.parameters, spec.target.text],
        "content": {str(name): digest for name, digest in hashes.items()},
        "own": context.annotations.build_facts(task.item.name, task.index, spec.target),
    }
    return compute_fingerprint(facts)

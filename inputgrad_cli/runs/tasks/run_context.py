"""What is the same for all tasks of a run, and the process that works on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.formats.baseline_files import read_baseline
from inputgrad_cli.interfaces.reader import ReadOptions
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.input_constraints import SearchLimits
from inputgrad_cli.runs.inputs.find_inputs import InputList
from inputgrad_cli.runs.inputs.item_targets_and_truth import ItemAnnotations
from inputgrad_cli.runs.map_file_writer import OutputWriter
from inputgrad_cli.runs.model_holder import ModelHolder
from inputgrad_cli.runs.optimization.constraint_files import read_limits
from inputgrad_cli.runs.planning.fingerprint_facts import build_fingerprint_facts
from inputgrad_cli.runs.planning.mode_and_batch_size import Schedule
from inputgrad_cli.runs.planning.run_plan import Plan
from inputgrad_cli.schema.json_type_alias import JsonObject
from inputgrad_cli.storage.complete_map_files import WrittenFiles
from inputgrad_cli.storage.journal import Journal


@dataclass(frozen=True)
class RunContext:
    """What all tasks of a run share; a value, which is sent to each process once.

    `plan` has no items, because each task has its own. `facts` determine the arrays of all items,
    apart from an item's content. `written_files` are those of earlier runs.
    """

    plan: Plan
    schedule: Schedule
    read_options: ReadOptions
    annotations: ItemAnnotations
    facts: JsonObject
    written_files: WrittenFiles
    output: OutputWriter

    @cached_property
    def baseline_samples(self) -> Mapping[str, Array]:
        """Return the samples of a baseline that comes from a file, (K, ...) by input."""
        return read_baseline(self.plan.baseline, self.plan.build_reading(self.read_options.specs))

    @cached_property
    def limits(self) -> SearchLimits:
        """Return what may move in a search, and how far."""
        search = self.plan.options.search
        return SearchLimits() if search is None else read_limits(search, self.read_options)


def build_context(
    plan: Plan, schedule: Schedule, specs: tuple[InputSpec, ...], journal: Journal
) -> RunContext:
    """Build the context of a run; `specs` are the inputs of the model."""
    options = plan.options
    return RunContext(
        # Each process gets this once, so it goes without the list of all items.
        replace(plan, inputs=InputList(), truth=None),
        schedule,
        replace(plan.build_reading(specs), folder=options.out),
        ItemAnnotations(
            plan.truth,
            options.targets,
            plan.target_files,
            plan.labels,
            plan.masks,
            uses_labels=options.search is not None,
        ),
        build_fingerprint_facts(plan),
        journal.written_files,
        OutputWriter(
            options.out,
            options.style,
            options.on_exists == "overwrite",
            journal.own_files,
            journal.pending,
        ),
    )


class RunProcess:
    """The run that this process works on. An executor starts it before the first task."""

    def __init__(self) -> None:
        self._context: RunContext | None = None
        self._model: ModelHolder | None = None

    def start(self, context: RunContext, model: ModelHolder | None = None) -> None:
        """Work on the tasks of a run; `model` is its model if it may be open already."""
        self._context = context
        self._model = model or ModelHolder(context.plan, context.schedule)

    def end(self) -> None:
        """Work on no run any more."""
        self._context = self._model = None

    @property
    def context(self) -> RunContext:
        """Return what the tasks of the run share. Raises RuntimeError if none was started."""
        if self._context is None:
            raise RuntimeError("no run was started in this process")
        return self._context

    @property
    def model(self) -> ModelHolder:
        """Return the holder of the model. Raises RuntimeError if no run was started."""
        if self._model is None:
            raise RuntimeError("no run was started in this process")
        return self._model


PROCESS = RunProcess()  # the only one of this process

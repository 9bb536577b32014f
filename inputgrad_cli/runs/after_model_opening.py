"""What a run does once its model is open: it warns of what it sees, and writes `run.json`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.runs.model_holder import ModelFacts, ModelHolder
from inputgrad_cli.runs.planning.input_and_truth_checks import refuse_unknown_inputs
from inputgrad_cli.runs.planning.input_display_kind_checks import refuse_unfit_kinds
from inputgrad_cli.runs.planning.mode_and_batch_size import Schedule, build_schedule_record
from inputgrad_cli.runs.planning.preprocessing_record import (
    build_pixel_record,
    has_picture_files,
    hash_code,
    read_pixel_record,
)
from inputgrad_cli.runs.planning.run_plan import Plan
from inputgrad_cli.runs.run_events import RunWarning
from inputgrad_cli.runs.run_json_writing import write_run
from inputgrad_cli.runs.run_warnings import yield_output_warnings, yield_target_warnings
from inputgrad_cli.schema.run_json import RunRecord
from inputgrad_cli.storage.run_json_files import read_runs
from inputgrad_cli.storage.shard_file_names import to_tag
from inputgrad_cli.version import __version__


def resolve_plan(
    plan: Plan, holder: ModelHolder, earlier: RunRecord | None
) -> tuple[Plan, tuple[InputSpec, ...]]:
    """Return the plan with what the model's file does not show, and the model's inputs.

    The model is opened for that only if it must be. Raises UsageError if an option names an input
    that the model lacks.
    """
    plan = _resolve_pixels(plan, holder, earlier)
    specs = plan.outline.inputs or holder.model.signature.inputs
    refuse_unknown_inputs(plan.options, specs)
    if plan.options.style is not None:
        refuse_unfit_kinds(plan.options.style.show, specs)
    return plan, specs


def _resolve_pixels(plan: Plan, holder: ModelHolder, earlier: RunRecord | None) -> Plan:
    """Return the plan with the pixel preprocessing, as an earlier run has found it or by passes."""
    if plan.pixels.is_final or not (has_picture_files(plan) or plan.options.baseline):
        return plan
    pixels = read_pixel_record(earlier, plan.model_file.sha256, hash_code(plan.options.code))
    return replace(
        plan, pixels=pixels or holder.model.resolve_preprocessing(plan.options.preprocess)
    )


class Opening:
    """Follows the model of a run: warns of what it shows, and keeps `run.json` up to date.

    `model` is what was last seen of it, None while it has explained no samples.
    """

    def __init__(self, plan: Plan, schedule: Schedule, earlier: RunRecord | None) -> None:
        self.model: ModelFacts | None = None
        self._plan, self._schedule, self._earlier = plan, schedule, earlier
        self._warnings: list[RunWarning] = []
        self._is_memory_short = False

    @property
    def batch_size(self) -> int:
        """Return how many samples a pass has, fewer than planned if memory was too short."""
        return self._schedule.batch_size

    @property
    def parallel_calls(self) -> int:
        """Return how many batches should be computed in parallel; 0 while no model is open."""
        return self.model.parallel_calls if self.model else 0

    def limit_batch_size(self, size: int) -> None:
        """Note that passes have at most `size` samples from now on."""
        self._schedule = replace(self._schedule, batch_size=size)

    def follow(self, model: ModelFacts | None) -> None:
        """Follow the model to what is known of it after a batch. Raises StorageError."""
        if model is None:
            return
        is_new, self.model = self.model is None, model
        if is_new:
            self._warnings += self._yield_warnings(model)
            self._is_memory_short = "memory" in model.notes
            self._schedule = replace(self._schedule, mode=model.mode, kernels=model.kernels)
            self._write_run()
        # Batches that are computed in parallel may report an earlier, larger size later.
        if "memory" in model.notes and model.batch_size < self._schedule.batch_size:
            if not self._is_memory_short:
                self._warnings.append(RunWarning("memory", model.notes["memory"]))
            self._is_memory_short = True
            self.limit_batch_size(model.batch_size)
            self._write_run()

    def _yield_warnings(self, model: ModelFacts) -> Iterator[RunWarning]:
        yield from yield_output_warnings(self._plan, model.signature)
        yield from yield_target_warnings(self._plan, model.signature)
        for code, note in model.notes.items():
            yield RunWarning(code, note)

    def take_warnings(self) -> list[RunWarning]:
        """Return the warnings that were not taken yet."""
        warnings, self._warnings = self._warnings, []
        return warnings

    def finish(self) -> None:
        """Write `run.json` into a new directory if no map had to be computed."""
        options = self._plan.options
        if self.model is None and to_tag(options.shard) not in read_runs(options.out):
            self._write_run()

    def _write_run(self) -> None:
        """Write `run.json`, with less in it if the model was never opened."""
        record = build_schedule_record(self._schedule, self._plan.maps, self._earlier)
        record["pixels"] = build_pixel_record(self._plan)
        if self.model is None:
            write_run(self._plan, None, {"inputgrad": __version__}, record)
        else:
            write_run(self._plan, self.model.signature, dict(self.model.versions), record)

"""Prepares a run: reads what its directory holds, and what the model's file does not show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from inputgrad_cli.interfaces.engine import ProgressCallbacks
from inputgrad_cli.runs.after_model_opening import Opening, resolve_plan
from inputgrad_cli.runs.journal_recorder import Recorder
from inputgrad_cli.runs.model_holder import ModelHolder
from inputgrad_cli.runs.pictures.style_change_redrawing import PictureUpdater
from inputgrad_cli.runs.planning.mode_and_batch_size import resume_schedule
from inputgrad_cli.runs.planning.run_plan import Plan
from inputgrad_cli.runs.run_json_writing import refuse_other_model
from inputgrad_cli.runs.tasks.run_context import RunContext, build_context
from inputgrad_cli.schema.run_json import RunRecord
from inputgrad_cli.storage.journal import Journal
from inputgrad_cli.storage.run_json_files import read_runs, select_run
from inputgrad_cli.storage.shard_file_names import to_tag


@dataclass(frozen=True)
class EarlierRecords:
    """What earlier runs have left in the directory: the record of the last, and the journal."""

    run: RunRecord | None
    journal: Journal


@dataclass(frozen=True)
class Preparation:
    """What a run needs from its first item to its last.

    `plan` has what the model's file does not show. `context` is what all tasks share, `holder` has
    the model if it had to be opened, `opening` follows it, and `recorder` records the maps.
    """

    plan: Plan
    context: RunContext
    holder: ModelHolder
    opening: Opening
    recorder: Recorder
    pictures: PictureUpdater


def read_earlier(plan: Plan) -> EarlierRecords:
    """Read the records in the directory of a run. Raises UsageError if they are another model's."""
    options = plan.options
    refuse_other_model(plan)
    tag = to_tag(options.shard)
    earlier_run = select_run(read_runs(options.out), tag)
    return EarlierRecords(earlier_run, Journal(options.out, options.on_exists != "overwrite", tag))


def prepare_run(
    plan: Plan,
    earlier: EarlierRecords,
    callbacks: ProgressCallbacks,
    should_stop: Callable[[], bool] = lambda: False,
) -> Preparation:
    """Prepare a run; the model is opened if its file does not show how inputs are read."""
    journal = earlier.journal
    schedule = resume_schedule(plan.options, plan.schedule, plan.maps, earlier.run)
    holder = ModelHolder(plan, schedule, callbacks, should_stop)
    plan, specs = resolve_plan(plan, holder, earlier.run)
    context = build_context(plan, schedule, specs, journal)
    pictures = PictureUpdater(plan, journal, context.read_options)
    return Preparation(
        plan,
        context,
        holder,
        Opening(plan, schedule, earlier.run),
        Recorder(plan.options.out, journal, pictures),
        pictures,
    )

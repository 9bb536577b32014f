"""Plans a run before TensorFlow is imported, so that mistakes are reported early."""

from __future__ import annotations

import glob
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from inputgrad_cli import api
from inputgrad_cli.data.preprocessing import InputPreprocessing
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.formats.baseline_files import read_baseline
from inputgrad_cli.formats.blank_sample import build_blank_sample
from inputgrad_cli.formats.readers import find_reader, list_suffixes
from inputgrad_cli.interfaces.reader import ReadOptions
from inputgrad_cli.modelfile.model_summary import Outline
from inputgrad_cli.modelfile.pass_cost_estimate import Workload, count_elements, estimate_workload
from inputgrad_cli.rendering.colour_maps import load_colour_table
from inputgrad_cli.runs.inputs.file_items import IndexedItems
from inputgrad_cli.runs.inputs.find_inputs import (
    InputList,
    Search,
    build_generated_item,
    find_items,
    pair_items,
)
from inputgrad_cli.runs.inputs.item import Item
from inputgrad_cli.runs.inputs.true_values import TrueValues
from inputgrad_cli.runs.optimization.constraint_files import read_limits
from inputgrad_cli.runs.planning.goal_costs import check_radii, estimate_gradients
from inputgrad_cli.runs.planning.input_display_kind_checks import refuse_unfit_kinds
from inputgrad_cli.runs.planning.mode_and_batch_size import Schedule, choose_schedule
from inputgrad_cli.runs.planning.model_file_checks import CheckedRun, list_targets
from inputgrad_cli.runs.planning.run_options import RunOptions
from inputgrad_cli.storage.atomic_write import is_case_insensitive
from inputgrad_cli.storage.map_file_names import ARRAYS
from inputgrad_cli.storage.requested_maps import MapSpec, refuse_clashes
from inputgrad_cli.supervision.worker_state_reporting import WORKER

LINE_BYTES = 64  # about as many as a line of a text has


@dataclass(frozen=True)
class Plan(CheckedRun):
    """A checked run with its items and the schedule by which they will be computed."""

    pixels: InputPreprocessing
    inputs: InputList
    truth: TrueValues | None
    schedule: Schedule

    @property
    def all_targets(self) -> tuple[Target, ...]:
        """Return all targets that any item may have, including those in files."""
        return list_targets(self.options, self.target_files)

    @property
    def share(self) -> IndexedItems:
        """Return the items of this run's shard, each with its index among all items."""
        return _select_shard(self.options, self.inputs)

    def build_reading(self, specs: tuple[InputSpec, ...]) -> ReadOptions:
        """Build the options for reading the files of these inputs."""
        return _build_reading(self.options, specs, self.pixels)


def make_plan(checked: CheckedRun) -> Plan:
    """Make the plan of a checked run; raises UsageError if anything else is wrong with it."""
    options, model_file, outline, maps = (
        checked.options,
        checked.model_file,
        checked.outline,
        checked.maps,
    )
    pixels = api.resolve_preprocessing(model_file, options.preprocess, outline.inputs)
    if outline.inputs and options.style:
        refuse_unfit_kinds(options.style.show, outline.inputs)
    if outline.inputs:  # raises if a file of baselines does not fit them
        read_baseline(checked.baseline, _build_reading(options, outline.inputs, pixels))
        if options.search:  # raises if what may move, or where it begins, cannot be found out
            reading = _build_reading(options, outline.inputs, pixels)
            read_limits(options.search, reading)
            if options.search.from_noise:
                build_blank_sample(reading)
    inputs = _find_inputs(options, outline)
    refuse_clashes(inputs.yield_names, maps, is_case_insensitive(options.out))
    if options.style is not None and options.style.cmap is not None:
        # Raises on an unknown colour map now, rather than after the first gradient.
        load_colour_table(options.style.cmap)
    check_radii(checked.goals, inputs.items)
    truth = TrueValues(options.truth, len(inputs.items)) if options.truth is not None else None
    # Results that exist when a worker was restarted may be those of this very call.
    if options.on_exists == "error" and not WORKER.earlier.worker_count:
        _refuse_existing(options, maps, inputs)
    model = (outline, estimate_work(checked))
    counts = (len(inputs.items), sum(estimate_samples(checked, item) for item in inputs.items))
    schedule = choose_schedule(options, list_gradients(checked), maps, model, counts)
    return Plan(**vars(checked), pixels=pixels, inputs=inputs, truth=truth, schedule=schedule)


def _build_reading(
    options: RunOptions, specs: tuple[InputSpec, ...], pixels: InputPreprocessing
) -> ReadOptions:
    viewing, aliases, style = options.viewing, options.aliases, options.style
    if style is not None and style.on == "original":
        viewing = replace(viewing, keep_original=True)
    return ReadOptions(
        specs,
        pixels.other,
        viewing,
        aliases,
        input_preprocess=pixels.inputs,
        columns=options.columns,
        lines=options.lines,
    )


def estimate_work(checked: CheckedRun) -> Workload:
    """Return the work of one pass of the model over one sample."""
    model_file, inputs = checked.model_file, checked.outline.inputs or ()
    weights = sum(math.prod(array.shape) for array in model_file.weights)
    return estimate_workload(model_file.config, [spec.shape for spec in inputs], weights)


def list_gradients(checked: CheckedRun) -> list[int]:
    """Return about how many gradients each method or goal takes for one sample and target."""
    return [
        *(request.method.passes for request in checked.methods),
        *(estimate_gradients(request.goal) for request in checked.goals),
    ]


def _find_inputs(options: RunOptions, outline: Outline) -> InputList:
    if options.search is not None and options.search.from_noise:
        return build_generated_item(options.model)
    # A model whose file shows no inputs may take files of any kind.
    specs = outline.inputs or (InputSpec("input", None),)
    search = Search(
        options.inputs,
        list_suffixes(specs),
        options.out,
        options.root,
        options.include,
        options.exclude,
    )
    if not options.pairs:
        return find_items(search)
    # In each directory the files of any input are looked for; a wrong one fails as an item.
    suffixes = tuple({suffix for spec in specs for suffix in list_suffixes([spec])})
    return pair_items(
        options.pairs, Search((), suffixes, options.out, None, options.include, options.exclude)
    )


def estimate_samples(checked: CheckedRun, item: Item) -> int:
    """Return about how many samples an item has; a file of many is estimated by its size."""
    if not may_hold_many(checked.options, item.path):
        return 1
    shapes = [spec.shape for spec in checked.outline.inputs or ()]
    sample_bytes = LINE_BYTES if _is_text(item.path) else 4 * max(1, count_elements(shapes))
    return max(1, _get_file_size(item) // sample_bytes)


def may_hold_many(options: RunOptions, path: Path) -> bool:
    """Return whether a file may hold many samples, by its format and the options."""
    has_lines = options.lines and _is_text(path)
    return has_lines or options.viewing.frame == "all" or find_reader(path).many


def _is_text(path: Path) -> bool:
    return find_reader(path).kind == "text"


def _get_file_size(item: Item) -> int:
    """Return the bytes of an item's first file, 0 if it cannot be accessed."""
    try:
        return item.path.stat().st_size
    except OSError:
        return 0


def _select_shard(options: RunOptions, inputs: InputList) -> IndexedItems:
    if (shard := options.shard) is None:
        return IndexedItems(inputs.items)
    names = enumerate(inputs.yield_names())
    return IndexedItems(inputs.items, [index for index, name in names if shard.has_item(name)])


def _has_parts(path: Path) -> bool:
    """Return whether there are results of single samples, as for files of ragged samples."""
    stem = glob.escape(path.stem)
    return any(True for _ in path.parent.glob(f"{stem}.[0-9]*{ARRAYS}"))


def _refuse_existing(options: RunOptions, maps: Sequence[MapSpec], inputs: InputList) -> None:
    for _, item in _select_shard(options, inputs):
        may_be_many = may_hold_many(options, item.path)
        for spec in maps:
            path = options.out / spec.build_files(item.name).arrays
            if os.path.lexists(path) or (may_be_many and _has_parts(path)):
                raise UsageError(
                    f"{path} exists already", hint="use --on-exists resume or overwrite"
                )

"""Chooses how a run computes: its mode, its kernels, and how many samples share a pass."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from inputgrad_cli.engine.adapter.cpu_kernel_selection import EIGEN, ONEDNN, ONEDNN_VARIABLE
from inputgrad_cli.machine.memory_and_core_limits import find_available_memory
from inputgrad_cli.modelfile.model_summary import Outline
from inputgrad_cli.modelfile.pass_cost_estimate import Workload, count_elements
from inputgrad_cli.runs.planning.execution_mode_costs import MODES, estimate_seconds
from inputgrad_cli.runs.planning.run_options import RunOptions
from inputgrad_cli.schema.json_type_alias import JsonObject
from inputgrad_cli.storage.requested_maps import MapSpec

MIN_SHARED_VALUES = 10_000  # values in a sample; smaller ones end before threads can overlap
ASSUMED_CLASSES = 200  # classes of the target `all`, until the model is known
MAX_PASS_VALUES = 16 * 224 * 224 * 3  # input values in one pass: 16 pictures of 224 x 224
MAX_BATCH = 64  # samples in one pass
LAYER_COPIES = 2  # of layer outputs in memory: the backward pass needs as much again


@dataclass(frozen=True)
class Schedule:
    """How a run computes; chosen once, and kept on resume. `mode` is eager, traced or folded.

    `padded` passes are always full. Then the last digits of a sample do not depend on which other
    samples share its pass. `kernels` depend on the mode: eager operations use Eigen because those
    of oneDNN corrupt memory, and compiled programs use oneDNN because they are faster with it.
    """

    mode: str
    batch_size: int
    padded: bool = False
    kernels: str = EIGEN


def choose_schedule(
    options: RunOptions,
    passes: Sequence[int],
    maps: Sequence[MapSpec],
    model: tuple[Outline, Workload],
    counts: tuple[int, int],
) -> Schedule:
    """Choose the schedule of a run.

    `passes` has the gradients of each method or goal for one sample. `counts` are the items and,
    approximately, the samples.

    The choice depends only on the model file, the number of items and fixed cost figures, never
    on timing within the run. An interrupted and resumed run therefore gives the same bytes.
    """
    (items, samples), (outline, work) = counts, model
    units = sum(ASSUMED_CLASSES if spec.target.is_jacobian else 1 for spec in maps) / len(passes)
    gradients = max(1, int(samples * units * sum(passes)))
    value_count = count_elements([spec.shape for spec in outline.inputs or ()])
    limit = max(
        1,
        min(
            MAX_BATCH,
            MAX_PASS_VALUES // max(value_count, 1),
            _count_fitting_samples(outline, find_available_memory().value),
        ),
    )
    size = options.batch_size or _divide_evenly(gradients, limit)
    requested_kernels = {"0": EIGEN, "1": ONEDNN}.get(os.environ.get(ONEDNN_VARIABLE, ""))
    compiled_kernels = requested_kernels or ONEDNN
    # Threads that share the passes gain nothing if a pass ends before they overlap.
    shares_passes = value_count >= MIN_SHARED_VALUES and gradients > limit
    modes = [
        mode
        for mode in MODES
        if (mode != "eager" or requested_kernels != ONEDNN) and (mode != "folded" or shares_passes)
    ]
    mode = min(
        modes, key=lambda mode: estimate_seconds(mode, work, gradients, size, compiled_kernels)
    )
    if mode == "folded":
        # A folded program is traced for one size, to which all of its passes are filled.
        size = options.batch_size or limit
    return Schedule(mode, size, items > 1, EIGEN if mode == "eager" else compiled_kernels)


def resume_schedule(
    options: RunOptions,
    chosen: Schedule,
    maps: Sequence[MapSpec],
    earlier: Mapping[str, Any] | None,
) -> Schedule:
    """Return the schedule with which a directory's maps were started, if the run resumes them.

    If some maps are new to the directory, for example of another method, the chosen schedule is
    returned.
    """
    if earlier is None or options.on_exists != "resume" or options.batch_size is not None:
        return chosen
    earlier_schedules, limit = earlier.get("paces") or {}, _get_max_batch_size(earlier)
    started = [
        _read_schedule(earlier_schedules[spec.suffix], chosen, limit)
        for spec in maps
        if spec.suffix in earlier_schedules
    ]
    if not earlier_schedules and "mode" in earlier:
        started = [_read_schedule(earlier, chosen, limit)] * len(maps)
    if len(started) < len(maps) or not started:
        return chosen
    # The maps may come from several calls; the most compiled schedule serves them all.
    return max(started, key=lambda schedule: (MODES.index(schedule.mode), schedule.batch_size))


def build_schedule_record(
    schedule: Schedule, maps: Sequence[MapSpec], earlier: Mapping[str, Any] | None
) -> JsonObject:
    """Build the record for `run.json`: the schedule of this call, and of each map so far."""
    schedules = dict((earlier or {}).get("paces") or {})
    return {
        **asdict(schedule),
        "paces": {**schedules, **{spec.suffix: asdict(schedule) for spec in maps}},
    }


def _get_max_batch_size(earlier: Mapping[str, Any]) -> int:
    """Return the largest batch size that an earlier run may have used."""
    option = earlier.get("options", {}).get("batch_size", {}).get("value")
    return max(MAX_BATCH, option) if isinstance(option, int) else MAX_BATCH


def _read_schedule(record: Mapping[str, Any], chosen: Schedule, limit: int) -> Schedule:
    padded = chosen.padded or record.get("padded", False)
    mode, size = record["mode"], min(limit, record.get("batch_size", chosen.batch_size))
    # Eager operations of oneDNN corrupt memory, so the recorded kernels are ignored then.
    kernels = EIGEN if mode == "eager" else record.get("kernels", chosen.kernels)
    return Schedule(mode, size, padded, kernels)


def _divide_evenly(gradients: int, limit: int) -> int:
    """Return a batch size of at most `limit` with which the last pass is nearly full."""
    return math.ceil(gradients / math.ceil(gradients / limit))


def _count_fitting_samples(outline: Outline, memory: int) -> int:
    """Return how many samples of a pass fit in half of the memory, by the layers' outputs."""
    sample_bytes = (
        4 * LAYER_COPIES * count_elements([layer.shape for layer in outline.layers if layer.shape])
    )
    return memory // 2 // sample_bytes if sample_bytes else MAX_BATCH

"""How a run computes: its mode, its kernels, and how many samples share a pass."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from inputgrad_cli.engine.adapter.kernels import EIGEN, ONEDNN, VARIABLE
from inputgrad_cli.explanation.request import Wish
from inputgrad_cli.machine.limits import available_memory
from inputgrad_cli.modelfile.outline import Outline
from inputgrad_cli.modelfile.workload import Workload, count_numbers
from inputgrad_cli.runs.planning.mode_costs import MODES, estimate_seconds
from inputgrad_cli.runs.planning.options import Job
from inputgrad_cli.storage.file_names import Map

LARGE = 10_000  # numbers in a sample; smaller ones are done before threads have met
CLASSES = 200  # that the target `all` is taken for, before the model is known
PASS_NUMBERS = 16 * 224 * 224 * 3  # numbers in one pass of inputs, at most
MAX_BATCH = 64
COPIES = 2  # of what layers give: going back holds as much again


@dataclass(frozen=True)
class Pace:
    """How a run computes: `mode` is eager, traced or folded. Chosen once, kept on resume.

    `padded` passes are always full: then it does not matter for a sample's last digits which
    others are left to be done beside it. `kernels` are those of the mode: eager operations of
    oneDNN's corrupt memory, and compiled programs are faster with it.
    """

    mode: str
    batch_size: int
    padded: bool = False
    kernels: str = EIGEN


def choose_pace(
    job: Job,
    wishes: Sequence[Wish],
    maps: Sequence[Map],
    model: tuple[Outline, Workload],
    counts: tuple[int, int],
) -> Pace:
    """Return the pace of a job; `counts` are its items and, about, its samples.

    It follows from the model's file and the count of all items by cost figures, never from timing
    within the run: what is interrupted and resumed stays the same to the byte.
    """
    (items, samples), (shape, work) = counts, model
    units = sum(CLASSES if made.target.is_jacobian else 1 for made in maps) / len(wishes)
    gradients = max(1, int(samples * units * sum(wish.method.passes for wish in wishes)))
    numbers = count_numbers([port.shape for port in shape.inputs or ()])
    limit = max(
        1,
        min(MAX_BATCH, PASS_NUMBERS // max(numbers, 1), _fitting(shape, available_memory().value)),
    )
    size = job.batch_size or _evenly(gradients, limit)
    asked = {"0": EIGEN, "1": ONEDNN}.get(os.environ.get(VARIABLE, ""))
    compiled = asked or ONEDNN
    # Threads that share the passes gain nothing where a pass is over before they have met.
    shared = numbers >= LARGE and gradients > limit
    modes = [m for m in MODES if (m != "eager" or asked != ONEDNN) and (m != "folded" or shared)]
    mode = min(modes, key=lambda m: estimate_seconds(m, work, gradients, size, compiled))
    if mode == "folded":
        size = job.batch_size or limit
    return Pace(mode, size, items > 1, EIGEN if mode == "eager" else compiled)


def kept_pace(
    job: Job, chosen: Pace, maps: Sequence[Map], earlier: Mapping[str, Any] | None
) -> Pace:
    """Return the pace that a directory's maps were begun with, if the job is to go on with them.

    Maps that are new there, of another method perhaps, are not bound by what suited the others.
    """
    if earlier is None or job.on_exists != "resume" or job.batch_size is not None:
        return chosen
    known, most = earlier.get("paces") or {}, _max_size(earlier)
    begun = [_read_pace(known[m.tail], chosen, most) for m in maps if m.tail in known]
    if not known and "mode" in earlier:
        begun = [_read_pace(earlier, chosen, most)] * len(maps)
    if len(begun) < len(maps) or not begun:
        return chosen
    # Maps of several calls, now in one: what most was compiled for serves them all.
    return max(begun, key=lambda pace: (MODES.index(pace.mode), pace.batch_size))


def write_paces(
    pace: Pace, maps: Sequence[Map], earlier: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the pace as `run.json` has it: of this call, and by map of all calls so far."""
    known = dict((earlier or {}).get("paces") or {})
    return {**asdict(pace), "paces": {**known, **{made.tail: asdict(pace) for made in maps}}}


def _max_size(earlier: Mapping[str, Any]) -> int:
    """Return the largest size of passes that a run has chosen, or that its call asked for."""
    option = earlier.get("options", {}).get("batch_size", {}).get("value")
    return max(MAX_BATCH, option) if isinstance(option, int) else MAX_BATCH


def _read_pace(record: Mapping[str, Any], chosen: Pace, most: int) -> Pace:
    padded = chosen.padded or record.get("padded", False)
    mode, size = record["mode"], min(most, record.get("batch_size", chosen.batch_size))
    # Whatever a record says: eager operations of oneDNN's kernels corrupt memory.
    kernels = EIGEN if mode == "eager" else record.get("kernels", chosen.kernels)
    return Pace(mode, size, padded, kernels)


def _evenly(gradients: int, limit: int) -> int:
    """Return a size of passes that leaves the last of them nearly full."""
    return math.ceil(gradients / math.ceil(gradients / limit))


def _fitting(shape: Outline, memory: int) -> int:
    """Return how many samples of a pass fit in half of the memory, by what the layers give."""
    held = 4 * COPIES * count_numbers([layer.shape for layer in shape.layers if layer.shape])
    return memory // 2 // held if held else MAX_BATCH

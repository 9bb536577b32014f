"""A run, planned before TensorFlow is imported: every mistake that can be known ends by here."""

from __future__ import annotations

import glob
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inputgrad_cli import api
from inputgrad_cli.data.preprocessing import Pixels
from inputgrad_cli.data.signature import Port
from inputgrad_cli.data.target_text import Target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.formats.baseline_files import read_given
from inputgrad_cli.formats.read import MANY_SUFFIXES, Reading, suffix_of, suffixes_for
from inputgrad_cli.modelfile.model_file import ModelFile
from inputgrad_cli.modelfile.outline import Outline
from inputgrad_cli.modelfile.workload import Workload, count_numbers, estimate_workload
from inputgrad_cli.rendering.colour_maps import table
from inputgrad_cli.runs.inputs.find_inputs import Found, Item, Search, find_items, pair_items
from inputgrad_cli.runs.inputs.true_values import Truth
from inputgrad_cli.runs.planning.early_checks import Check, every_target
from inputgrad_cli.runs.planning.options import Job
from inputgrad_cli.runs.planning.schedule import Pace, choose_pace
from inputgrad_cli.storage.atomic_write import folds_case
from inputgrad_cli.storage.file_names import Map, refuse_clashes
from inputgrad_cli.supervision.worker import WORKER


@dataclass(frozen=True)
class Plan(Check):
    """What a job that its model allows comes to: its items, and how they will be computed."""

    pixels: Pixels
    found: Found
    truth: Truth | None
    pace: Pace

    @property
    def every_target(self) -> tuple[Target, ...]:
        """Return all targets that any item may have, those in files included."""
        return every_target(self.job, self.target_files)

    @property
    def share(self) -> list[tuple[int, Item]]:
        """Return the items of this run with their places among all: those of its shard."""
        return _share(self.job, self.found)

    def reading(self, ports: tuple[Port, ...]) -> Reading:
        """Return how the files of the job are read for these inputs."""
        return _reading(self.job, ports, self.pixels)


def make_plan(check: Check) -> Plan:
    """Return the plan of a job that its model allows; raises what is wrong with the rest of it."""
    job, file, shape, maps = check.job, check.file, check.outline, check.maps
    pixels = api.preprocessing(file, job.preprocess, shape.inputs)
    if shape.inputs:  # a file of baselines that does not fit them ends here
        read_given(check.baseline, _reading(job, shape.inputs, pixels))
    found = _find(job, shape)
    refuse_clashes([item.name for item in found.items], maps, folds_case(job.out))
    if job.style is not None and job.style.cmap is not None:
        table(job.style.cmap)  # an unknown colour map ends here, not after the first gradient
    truth = Truth(job.truth, len(found.items)) if job.truth is not None else None
    if job.on_exists == "error" and not WORKER.earlier.workers:  # else they may be this call's own
        _refuse_existing(job, maps, found)
    model = (shape, _workload(file, shape))
    counts = (len(found.items), _count(job, shape, found))
    pace = choose_pace(job, check.wishes, maps, model, counts)
    return Plan(**vars(check), pixels=pixels, found=found, truth=truth, pace=pace)


def _reading(job: Job, ports: tuple[Port, ...], pixels: Pixels) -> Reading:
    viewing, aliases = job.viewing, job.aliases
    return Reading(ports, pixels.other, viewing, aliases, own=pixels.inputs, columns=job.columns)


def _workload(file: ModelFile, shape: Outline) -> Workload:
    weights = sum(math.prod(array.shape) for array in file.weights)
    return estimate_workload(file.config, [port.shape for port in shape.inputs or ()], weights)


def _find(job: Job, shape: Outline) -> Found:
    ports = shape.inputs or (Port("input", None),)
    search = Search(job.named, suffixes_for(ports), job.out, job.root, job.include, job.exclude)
    if not job.pairs:
        return find_items(search)
    suffixes = tuple({s for port in ports for s in suffixes_for([port])})
    return pair_items(job.pairs, Search((), suffixes, job.out, None, job.include, job.exclude))


def _count(job: Job, shape: Outline, found: Found) -> int:
    """Return how many samples there are, about: of a file of many by its size, in float32."""
    every = job.viewing.frame == "all"
    items = found.items
    many = [every or suffix_of(item.path) in MANY_SUFFIXES for item in items]
    each = 4 * max(1, count_numbers([port.shape for port in shape.inputs or ()]))
    sizes = [_size(item) // each if more else 1 for item, more in zip(items, many, strict=True)]
    return sum(max(1, size) for size in sizes)


def _size(item: Item) -> int:
    """Return the bytes of an item's first file, none where it cannot be looked at."""
    try:
        return item.path.stat().st_size
    except OSError:
        return 0


def _share(job: Job, found: Found) -> list[tuple[int, Item]]:
    every, shard = enumerate(found.items), job.shard
    return [(place, item) for place, item in every if not shard or shard.holds(item.name)]


def _has_parts(path: Path) -> bool:
    """Return whether results of single samples stand there, as of files of unequal samples."""
    stem = glob.escape(path.stem)
    return any(True for _ in path.parent.glob(f"{stem}.[0-9]*.npz"))


def _refuse_existing(job: Job, maps: Sequence[Map], found: Found) -> None:
    for _, item in _share(job, found):
        several = suffix_of(item.path) in MANY_SUFFIXES
        for made in maps:
            stem = made.stem(item.name)
            path = job.out / f"{stem}.npz"
            if os.path.lexists(path) or (several and _has_parts(path)):
                raise UsageError(
                    f"{path} exists already", mend="use --on-exists resume or overwrite"
                )

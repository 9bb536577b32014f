"""How fast a run goes about it: the mode, and how many samples share a pass."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inputgrad_cli.jobs.job import Job
from inputgrad_cli.jobs.naming import Map
from inputgrad_cli.modelfile.outline import Outline
from inputgrad_cli.question import Wish
from inputgrad_cli.signature import Shape

FEW = 8  # passes; below that, compiling the model costs more than it gains
MANY = 256  # gradients; from there on, folding the weights in pays for itself
LARGE = 10_000  # numbers in a sample; smaller ones are done before threads have met
CLASSES = 200  # that the target `all` is taken for, before the model is known
WORK = 16 * 224 * 224 * 3  # numbers in one pass of inputs, at most
MOST = 64
COPIES = 2  # of what layers give: going back holds as much again


@dataclass(frozen=True)
class Pace:
    """How a run computes: `mode` is eager, traced or folded. Chosen once, kept on resume.

    `padded` passes are always full: then it does not matter for a sample's last digits which
    others are left to be done beside it.
    """

    mode: str
    batch_size: int
    padded: bool = False


def choose_pace(
    job: Job,
    wishes: Sequence[Wish],
    maps: Sequence[Map],
    shape: Outline,
    counts: tuple[int, int],
) -> Pace:
    """Return the pace of a job; `counts` are its items and, about, its samples."""
    items, samples = counts
    units = sum(CLASSES if made.target.is_jacobian else 1 for made in maps) / len(wishes)
    gradients = max(1, int(samples * units * sum(wish.method.passes for wish in wishes)))
    numbers = numbers_of([port.shape for port in shape.inputs or ()])
    most = max(1, min(MOST, WORK // max(numbers, 1), _fitting(shape, available())))
    if gradients >= MANY and numbers >= LARGE:
        return Pace("folded", job.batch_size or most, items > 1)
    size = job.batch_size or _evenly(gradients, most)
    return Pace("traced" if gradients > FEW * size else "eager", size, items > 1)


def kept_pace(job: Job, chosen: Pace, earlier: dict[str, Any] | None) -> Pace:
    """Return the pace that a directory was begun with, if the job is to go on there."""
    if earlier is None or job.on_exists != "resume" or job.batch_size is not None:
        return chosen
    padded = chosen.padded or earlier.get("padded", False)
    return Pace(earlier["mode"], earlier["batch_size"], padded)


def _evenly(gradients: int, most: int) -> int:
    """Return a size of passes that leaves the last of them nearly full."""
    return math.ceil(gradients / math.ceil(gradients / most))


def _fitting(shape: Outline, memory: int) -> int:
    """Return how many samples of a pass fit in half of the memory, by what the layers give."""
    held = 4 * COPIES * numbers_of([layer.shape for layer in shape.layers if layer.shape])
    return memory // 2 // held if held else MOST


def available() -> int:
    """Return the bytes of memory that are free for use, or all there are."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line[:13] == "MemAvailable:")
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def numbers_of(shapes: Sequence[Shape | None]) -> int:
    """Return how many numbers arrays of these shapes hold; an open axis is taken for 224."""
    return sum(math.prod(dim or 224 for dim in shape or ()) for shape in shapes)

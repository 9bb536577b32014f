"""`make bench`: paired runs on one machine, the median ratio of each pair printed as a table.

`python -m tests.bench NAME...` runs the rows whose names begin so; `kernels` the table of kernels,
`mass` that of the methods, `optimize` and `counterfactual` those of the goals, `report` that of the
page of a run, `driver` that of runs on a cluster.
"""

import itertools
import platform
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from . import (
    attacks,
    clusters,
    counterfactuals,
    drawing,
    jobs,
    kernels,
    mass,
    refusals,
    reports,
    rows,
    sizes,
    texts,
)
from .loops import Loop

# name, what is compared, how, the bar, whether the ratio should be at least or at most that
ROWS = (
    ("job-mobilenetv2", "whole job, 256 pictures of 224, over the bare loop, per second",
     lambda folder: jobs.whole_job(folder, "MobileNetV2", rounds=5), 0.95, "least"),
    ("job-resnet50", "the same with ResNet50",
     lambda folder: jobs.whole_job(folder, "ResNet50", rounds=3), 1.0, "least"),
    ("ig-mobilenetv2", "integrated-gradients, 50 steps, over the bare loop, MobileNetV2",
     lambda _: loops("MobileNetV2", "integrated-gradients:steps=50", 5), 1.25, "least"),
    ("sg-mobilenetv2", "smoothgrad, 50 samples, the same",
     lambda _: loops("MobileNetV2", "smoothgrad:samples=50", 5), 1.25, "least"),
    ("ig-resnet50", "integrated-gradients, 50 steps, ResNet50",
     lambda _: loops("ResNet50", "integrated-gradients:steps=50", 3), 1.05, "least"),
    ("sg-resnet50", "smoothgrad, 50 samples, ResNet50",
     lambda _: loops("ResNet50", "smoothgrad:samples=50", 3), 1.05, "least"),
    ("small", "2,000 pictures of 64, over a script that decodes, colours and saves, per second",
     lambda folder: jobs.small_pictures(folder, rounds=5), 0.5, "least"),
    ("one", "one picture, whole process, over the straight script, seconds",
     lambda folder: jobs.one_picture(folder, rounds=9), 1.0, "most"),
    ("help", "`--help` over `import click`, seconds",
     lambda _: jobs.help_text(rounds=15), 3.0, "most"),
    ("refusals", "the slowest of six mistakes that the file answers, over half a second",
     lambda _: refusals.refusals(rounds=7), 1.0, "most"),
    ("bars", "a row of a table as bars, over 50 ms",
     lambda _: rows.bars(rounds=9), 1.0, "most"),
    ("text", "a text of 200 tokens as a picture and a page, over 50 ms",
     lambda _: texts.texts(rounds=9), 1.0, "most"),
    ("logo", "a sequence of 60 places as a logo, over 50 ms",
     lambda _: texts.logos(rounds=9), 1.0, "most"),
    ("dask", "2,000 pictures of 64 through two workers, over one process, per second",
     lambda folder: clusters.overhead(folder, rounds=3), 0.7, "least"),
    ("memory", "peak memory of 2,000 files over that of 500",
     lambda folder: jobs.peak_memory(folder, rounds=3), 1.1, "most"),
)  # fmt: skip

# Whole jobs of every size: (model, size).
SIZE_ROWS = tuple(
    (f"size-{model.lower()}-{size}", f"{size} of {model}, over the better script, seconds",
     partial(sizes.compare, model=model, size=size, rounds=7), 1.05, "most")
    for model in sizes.MODELS for size in sizes.SIZES
)  # fmt: skip

# Pictures that are drawn for every map: within their budgets, and beside plain matplotlib.
DRAWING_ROWS = tuple(
    row for kind, seconds in drawing.BUDGETS.items() for row in (
        (f"draw-{kind}", f"{kind} of 224, over its budget of {1000 * seconds:.0f} ms",
         lambda _, kind=kind: drawing.compare_with_budget(kind, rounds=5), 1.0, "most"),
        (f"draw-{kind}-matplotlib", f"{kind} of 224, over plain matplotlib, seconds",
         lambda _, kind=kind: drawing.compare_with_matplotlib(kind, rounds=5), 1.0, "most"),
    )
)  # fmt: skip

TABLES = (
    ("kernels", kernels.table),
    ("mass", mass.table),
    ("optimize", attacks.table),
    ("counterfactual", counterfactuals.table),
    ("report", reports.table),
    ("driver", clusters.table),
)


def loops(name, method, rounds, steps=50):
    """Return pairs of rates: of a method's gradients, and of the bare loop's."""
    with Loop(name, method, steps) as ours, Loop(name, "bare", steps) as theirs:
        ours.seconds(), theirs.seconds()
        return [(1 / ours.seconds(), 1 / theirs.seconds()) for _ in range(rounds)]


def main(wanted):
    """Print a row a measurement: median ratio, spread, the bar."""
    print(f"{platform.machine()}, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}")
    print("| what | median ratio | least - most | bar |")
    print("|---|---|---|---|")
    for name, title, measure, bar, side in (*ROWS, *SIZE_ROWS, *DRAWING_ROWS):
        if wanted and not any(name.startswith(word) for word in wanted):
            continue
        with tempfile.TemporaryDirectory() as folder:
            ratios = sorted(ours / theirs for ours, theirs in measure(Path(folder)))
        spread = f"{ratios[0]:.2f} - {ratios[-1]:.2f}"
        print(
            f"| {title} | {statistics.median(ratios):.2f} | {spread} | at {side} {bar} |",
            flush=True,
        )
    for name, table in TABLES:
        if not wanted or name in wanted:
            with tempfile.TemporaryDirectory() as folder:
                for line in itertools.chain([""], table(folder)):
                    print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
